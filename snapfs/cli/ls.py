"""`snapfs ls`: lists directories of the tree."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit, emit_json, paint, printable
from snapfs.cli.places import Place, Words, places
from snapfs.cli.reading import each
from snapfs.errors import SnapfsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snapfs.tree import Node

__all__ = ["command", "describe", "styled"]


@click.command()
@click.option("-l", "--long", is_flag=True, help="One line each: kind, size in bytes, time, name.")
@places("SNAPSHOT [PATH]...")
@shared
def command(words: Words, *, long: bool) -> int:
    """List directories of the tree.

    Directories end in a slash on a terminal. Sizes are exact; files that cost real work say 0 until they are read.
    """
    paths = words.rest or ("",)
    with words.open() as place:
        if settings().json:
            found: dict[str, Any] = {}
            code = each(paths, lambda path: found.update({path: _json(place, path)}))
            if found:
                emit_json(found if len(paths) > 1 else found[paths[0]])
            return code
        first = True

        def show(path: str) -> None:
            nonlocal first
            from snapfs.tree import Dir

            node = place.top / path
            if len(paths) > 1 and isinstance(node, Dir):
                emit(("" if first else "\n") + printable(f"{path}:"))
            first = False
            entries = node.children.items() if isinstance(node, Dir) else [(path, node)]
            times = place.top.walk(path) if long else []
            (_long if long else _short)(entries, next((n.mtime_ns for n in reversed(times) if n.mtime_ns is not None), None))

        return each(paths, show)


def describe(name: str, node: Node) -> dict[str, Any]:
    """What is known of a node without reading it: name, kind, and size or target."""
    from snapfs.tree import Dir, File, Link

    if isinstance(node, Dir):
        return {"name": name, "kind": "directory"}
    if isinstance(node, Link):
        return {"name": name, "kind": "link", "target": node.target}
    assert isinstance(node, File)
    try:
        return {"name": name, "kind": "file", "size": node.size}
    except SnapfsError as error:
        return {"name": name, "kind": "file", "ERROR": str(error)}


def styled(name: str, node: Node) -> str:
    """A name in the colour of its kind."""
    from snapfs.tree import Dir, File, Link

    if isinstance(node, Dir):
        return paint(name, fg="blue", bold=True) + ("/" if sys.stdout.isatty() else "")
    if isinstance(node, Link):
        return paint(name, fg="cyan")
    if name == "ERROR":
        return paint(name, fg="red", bold=True)
    return paint(name, fg="magenta") if isinstance(node, File) and node.huge else paint(name)


def _json(place: Place, path: str) -> Any:
    from snapfs.tree import Dir

    node = place.top / path
    if isinstance(node, Dir):
        return [describe(name, child) for name, child in node.children.items()]
    return [describe(path, node)]


def _short(entries: Iterable[tuple[str, Node]], _: int | None) -> None:
    """In columns on a terminal, else one name per line."""
    names = [styled(name, node) for name, node in entries]
    if not sys.stdout.isatty():
        for name in names:
            emit(name)
        return
    import shutil

    from click import unstyle

    widths = [len(unstyle(name)) for name in names]
    wide = shutil.get_terminal_size().columns
    rows = next(rows for rows in range(1, len(names) + 2) if rows >= len(names) or _width(widths, rows) <= wide)
    for row in range(min(rows, len(names))):
        line = range(row, len(names), rows)
        emit("".join(names[i] + " " * (max(widths[i - row : i - row + rows]) - widths[i] + 2) for i in line).rstrip())


def _width(widths: list[int], rows: int) -> int:
    """How wide a list is in columns of so many rows."""
    return sum(max(widths[i : i + rows]) + 2 for i in range(0, len(widths), rows)) - 2


def _long(entries: Iterable[tuple[str, Node]], above_ns: int | None) -> None:
    import datetime

    from snapfs.tree import Dir, Link

    for name, node in entries:
        facts = describe(name, node)
        ns = node.mtime_ns if node.mtime_ns is not None else above_ns
        when = f"{datetime.datetime.fromtimestamp(ns / 1e9).astimezone():%Y-%m-%d %H:%M:%S}" if ns is not None else "-"
        kind = "d" if isinstance(node, Dir) else "l" if isinstance(node, Link) else "-"
        size = facts.get("size", "-" if "ERROR" not in facts else "unreadable")
        target = f" -> {printable(node.target)}" if isinstance(node, Link) else ""
        emit(f"{kind} {size:>14} {when:>19} {styled(name, node)}{target}")
