"""`snapfs cat`: the content of files of the tree, or any part of it as JSON."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit_bytes, emit_json, emit_text, printable
from snapfs.cli.places import Place, Words, places
from snapfs.cli.progress import progress
from snapfs.cli.reading import each
from snapfs.errors import IsADirectory, PathError, SnapfsError

if TYPE_CHECKING:
    from snapfs.tree import Node

_PIECE: Final = 1 << 20


@click.command(short_help="Print files of the tree.")
@places("SNAPSHOT PATH...", rest=(1, None))
@shared
def command(words: Words) -> int:
    """Print files of the tree; bytes as they are, on a terminal escaped.

    With --json, the values of files and of whole directories: registers, addresses and masks as the strings of the files,
    counts as numbers. Images are hexadecimal up to 1 MiB, of larger ones the size is told. Several paths make one object, by path.
    """
    with words.open() as place:
        if settings().json:
            return _json(place, words.rest)
        return each(words.rest, lambda path: _print(place, path))


def _print(place: Place, path: str) -> None:
    from snapfs.blob import settle
    from snapfs.tree import Dir, File
    from snapfs.tree.nodes import StreamFile

    node = place.top / path
    if isinstance(node, Dir):
        raise IsADirectory(f"{path}: a directory{_table_of(place, path)}; list it with `snapfs ls`, or print it with --json")
    write = _shown() if sys.stdout.isatty() else emit_bytes
    assert isinstance(node, File)
    try:
        if isinstance(node, StreamFile):
            # where the pieces go to the terminal they are the progress
            total = node.count() if node.count is not None and not sys.stdout.isatty() else 0
            with progress(path, total, steps=True) as advance:
                for piece in node.pieces():
                    write(piece)
                    advance(1)
            return
        blob = node.blob()
        settle(blob)
        at = 0
        while piece := blob.pread(at, _PIECE):
            write(piece)
            at += len(piece)
    except SnapfsError as error:
        raise type(error)(f"{path}: {error}") from error


def _table_of(place: Place, path: str) -> str:
    """Words for the table beside a directory; empty where there is none."""
    table = f"{path.strip('/')}.txt"
    try:
        place.top / table
    except PathError:
        return ""
    return f"; its table is {table}"


def _shown() -> Callable[[bytes], None]:
    """Writes bytes to a terminal, which a snapshot must not control: what is no text is escaped."""
    decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
    return lambda piece: emit_text(printable(decode(piece)))


def _value(node: Node) -> Any:
    """A node in JSON; of an image that was named itself, the bytes in hexadecimal, unless they are too many."""
    from snapfs.tree.nodes import ImageFile

    if isinstance(node, ImageFile) and node.size <= _PIECE:
        return node.read_bytes().hex()
    return node.to_json()


def _json(place: Place, paths: tuple[str, ...]) -> int:
    found: dict[str, Any] = {}

    def read(path: str) -> None:
        node: Node = place.top / path
        try:
            found[path] = _value(node)
        except SnapfsError as error:
            found[path] = {"ERROR": str(error)}
            raise type(error)(f"{path}: {error}") from error

    code = each(paths, read)
    if found:
        emit_json(found if len(paths) > 1 else found[paths[0]])
    return code
