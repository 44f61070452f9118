"""`snapfs tree`: the tree drawn with lines, with the values behind the names if asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from snapfs.cli.ls import describe, styled
from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit, emit_json, paint, printable, unicode_output
from snapfs.cli.places import Words, places
from snapfs.cli.reading import each
from snapfs.errors import SnapfsError

if TYPE_CHECKING:
    from snapfs.tree import Node

_LINES: Final = ("├── ", "└── ", "│   ", "    ")
_ASCII: Final = ("|-- ", "`-- ", "|   ", "    ")


@click.command()
@click.option("-L", "--level", type=click.IntRange(min=1), metavar="N", help="Descend N directories at the most.")
@click.option("-d", "--dirs", is_flag=True, help="Directories only.")
@click.option("-c", "--contents", is_flag=True, help="Show one-line values behind the names.")
@places("SNAPSHOT [PATH]...")
@shared
def command(words: Words, *, level: int | None, dirs: bool, contents: bool) -> int:
    """Draw the tree below each PATH."""
    walk = _Walk(dirs=dirs, contents=contents)
    with words.open() as place:
        if settings().json:
            found: list[Any] = []
            code = each(words.rest or ("",), lambda path: found.append(walk.json(path or "/", place.top / path, level)))
            if found:
                emit_json(found if len(words.rest) > 1 else found[0])
            return code

        def show(path: str) -> None:
            node = place.top / path
            emit(styled(path or ".", node))
            walk.draw(node, "", level)

        return each(words.rest or ("",), show)


class _Walk:
    """One way of drawing."""

    def __init__(self, *, dirs: bool, contents: bool) -> None:
        self._dirs = dirs
        self._contents = contents
        self._lines = _LINES if unicode_output(sys.stdout) else _ASCII

    def _children(self, node: Node) -> list[tuple[str, Node]]:
        from snapfs.tree import Dir

        if not isinstance(node, Dir):
            return []
        return [(name, child) for name, child in node.children.items() if not self._dirs or isinstance(child, Dir)]

    def draw(self, node: Node, prefix: str, level: int | None) -> None:
        """The lines below a node. The depth of the tree is bounded by the depth of the documents."""
        tee, corner, bar, blank = self._lines
        children = self._children(node) if level != 0 else []
        for i, (name, child) in enumerate(children):
            last = i == len(children) - 1
            emit(f"{prefix}{corner if last else tee}{styled(name, child)}{self._behind(child)}")
            self.draw(child, prefix + (blank if last else bar), level if level is None else level - 1)

    def _behind(self, node: Node) -> str:
        """What stands behind a name: a link's target, a short file's value."""
        from snapfs.tree import File, Link

        if isinstance(node, Link):
            return f" -> {printable(node.target)}"
        if not self._contents or not isinstance(node, File) or node.huge or node.streamed:
            return ""
        try:
            text = node.read_text()
        except SnapfsError as error:
            return f": {paint(str(error), fg='red')}"
        return f": {paint(text[:-1], fg='green')}" if text.count("\n") == 1 and text.endswith("\n") else ""

    def json(self, name: str, node: Node, level: int | None) -> Any:
        """The same as nested objects."""
        from snapfs.tree import Dir

        found = describe(name, node)
        if isinstance(node, Dir) and level != 0:
            found["children"] = [self.json(n, c, level if level is None else level - 1) for n, c in self._children(node)]
        return found
