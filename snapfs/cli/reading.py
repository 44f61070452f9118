"""Going through several paths: what fails is said, the rest is done, and the exit code tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from snapfs.cli.output import complain
from snapfs.errors import SnapfsError

__all__ = ["each"]


def each(paths: Iterable[str], act: Callable[[str], None]) -> int:
    """Calls `act` with every path. The exit code is that of the first failure."""
    code = 0
    for path in paths:
        try:
            act(path)
        except SnapfsError as error:
            complain(error)
            code = code or error.exit_code
    return code
