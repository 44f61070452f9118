"""What differs between two trees, file by file; a table that repeats its neighbours is left out.

Images of guest memory and files that cost real work are not looked at here: memory is compared by page, as blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from snapfs.errors import SnapfsError
from snapfs.tree.nodes import Dir, File, ImageFile, Link, Node, TextFile

__all__ = ["Change", "Side", "changes"]


class Side(NamedTuple):
    """A file or directory as one of the trees has it: its text, and its value in JSON output."""

    text: str
    value: Any


class Change(NamedTuple):
    """A file that differs, or a directory that only one tree has; a side that does not have it is None."""

    path: str
    a: Side | None
    b: Side | None


def changes(a: Node | None, b: Node | None, path: str, skip: Callable[[str], bool] = lambda _: False) -> Iterator[Change]:
    """The differences below two nodes of the same path, save those below paths that `skip` names."""
    if skip(path):
        return
    if isinstance(a, Dir) and isinstance(b, Dir):
        for name in (*a.children, *(n for n in b.children if n not in a.children)):
            yield from changes(a.children.get(name), b.children.get(name), f"{path}/{name}" if path else name, skip)
        return
    if any(_passed_over(node) for node in (a, b) if node is not None):
        return
    one, other = _side(a), _side(b)
    if one != other:
        yield Change(path, one, other)


def _passed_over(node: Node) -> bool:
    return (isinstance(node, TextFile) and node.repeats) or (isinstance(node, File) and (node.streamed or node.huge))


def _side(node: Node | None) -> Side | None:
    if node is None:
        return None
    if isinstance(node, Dir):
        return Side(f"directory, {len(node.children)} entries", node.to_json())
    if isinstance(node, Link):
        return Side(f"-> {node.target}", node.to_json())
    assert isinstance(node, File)
    try:
        value = node.to_json()
        if isinstance(node, ImageFile):
            return Side("".join(f"0x{i:04x}: {row.hex()}\n" for i, row in _rows(node.read_bytes())), value)
        return Side(node.read_text(), value)
    except SnapfsError as error:
        return Side(f"ERROR: {error}", {"ERROR": str(error)})


def _rows(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Bytes as a reader of hexadecimal has them: 16 in a row, behind their offset."""
    return ((i, data[i : i + 16]) for i in range(0, len(data), 16))
