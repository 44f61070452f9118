"""`snapfs info`: what a snapshot is, on one page; several, a line each."""

from __future__ import annotations

from typing import Any

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import console, emit, emit_json, paint, printable
from snapfs.cli.places import Words, open_place, places
from snapfs.cli.reading import each
from snapfs.errors import SnapfsError, SnapshotError, TruncatedMemory
from snapfs.snapshot import Snapshot

# the columns for several snapshots, and the fact behind each
_COLUMNS = ("snapshot", "saved", "written_by", "architecture", "vcpus", "memory", "problems")


@click.command(short_help="Tell what a snapshot is, on one page.")
@places("SNAPSHOT...", snapshots=0)
@shared
def command(words: Words) -> int:
    """Tell what a snapshot is: release, machine, memory, what it needs of the host, what is wrong with it.

    Several snapshots are a table. The exit code is 14 where memory is cut short or inconsistent, 3 where something else cannot
    be read.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    codes: list[int] = []

    def look(path: str) -> None:
        from snapfs.tree import about

        with open_place(path) as place:
            found.append((path, about.facts(place.snap)))
            codes.append(_health(place.snap))
            if len(paths) == 1 and not settings().json:
                _page(about.summary(place.snap))

    paths: list[str] = []
    code = each(words.snapshots, lambda path: paths.extend(_snapshots(path)))
    code = each(paths, look) or code
    if settings().json and found:
        emit_json(
            found[0][1] if [path for path, _ in found] == list(words.snapshots) and len(found) == 1 else [facts for _, facts in found]
        )
    elif len(paths) > 1 and found:
        _table(found)
    return code or max(codes, default=0)


def _snapshots(path: str) -> list[str]:
    """The snapshot that was named, or those in a directory of several."""
    with open_place(path) as place:
        if place.one is not None:
            return [path]
        from snapfs.tree.many import Many

        assert isinstance(place.top, Many)
        return list(place.top.directories.values())


def _health(snap: Snapshot) -> int:
    """The exit code that a snapshot deserves."""
    try:
        memory = snap.memory
        if memory.problems or any(gap.kind == "truncated" for gap in memory.gaps):
            return TruncatedMemory.exit_code
    except SnapfsError as error:
        return error.exit_code
    return SnapshotError.exit_code if snap.problems else 0


def _page(text: str) -> None:
    """The summary with its titles set off."""
    for line in text.splitlines():
        title, colon, rest = line.partition(":")
        if colon and not line.startswith(" "):
            emit(f"{paint(title, bold=True)}:{paint(rest, fg='red') if title == 'problems' and rest != ' none' else printable(rest)}")
        else:
            emit(printable(line))


def _table(found: list[tuple[str, dict[str, Any]]]) -> None:
    """One line for each."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column.replace("_", " "), overflow="fold")
    for path, facts in found:
        table.add_row(printable(path), *(printable(_cell(column, facts.get(column))) for column in _COLUMNS[1:]))
    console().print(table)


def _cell(column: str, value: Any) -> str:
    if isinstance(value, dict) and "ERROR" in value:
        return "unreadable"
    if column in ("vcpus", "problems"):
        return str(len(value or ()))
    if column == "memory":
        return str((value or {}).get("saved", "none"))
    return str(value or "-").partition(" (")[0].removeprefix("Cloud Hypervisor ")
