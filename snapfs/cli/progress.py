"""A progress bar on stderr, where that is a terminal and nobody asked for quiet."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from snapfs.cli.options import settings
from snapfs.cli.output import console

__all__ = ["progress"]


@contextlib.contextmanager
def progress(what: str, total: int, *, steps: bool = False) -> Iterator[Callable[[int], object]]:
    """Yields what to call with the number of bytes, or of `steps`, that have been dealt with."""
    if not total or settings().verbosity < 0 or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns: list[ProgressColumn] = [TextColumn("{task.description}"), BarColumn()]
    if not steps:
        columns += [DownloadColumn(binary_units=True), TransferSpeedColumn()]
    columns.append(TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
