"""The nodes of the tree: directories, files and links, the only things that any door sees.

Nodes are synchronous and immutable: the content of a snapshot never changes. Directories make their children on first use.
A directory whose children cannot be made has one child, `ERROR`, which says why; a file whose content cannot be made keeps
its name and raises when it is read.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from snapfs.blob import Blob, Data
from snapfs.errors import IsADirectory, NoSuchNode, NotADirectory, SnapfsError
from snapfs.tree import names

__all__ = ["Dir", "File", "ImageFile", "Link", "Node", "StreamFile", "TextFile", "error_file"]

# text up to this size is kept once rendered
_KEEP: Final = 4096


class Node:
    """Anything that has a name in the tree. `mtime_ns` is None where it is that of the directory above."""

    mtime_ns: int | None = None
    #: whether content may change while the tree is in use; a door must not remember it for long
    live = False
    #: what tells this node from another that had its name before; empty where a name means one thing for ever
    identity = ""

    def to_json(self) -> Any:
        """The node as a plain value for JSON output."""
        raise NotImplementedError

    def dated(self, mtime_ns: int | None) -> Node:
        """This node with a time of its own."""
        self.mtime_ns = mtime_ns
        return self


class Link(Node):
    """A symbolic link; `target` is relative and stays inside the tree."""

    def __init__(self, target: str) -> None:
        self.target = target

    def to_json(self) -> Any:
        return {"link": self.target}


class File(Node):
    """A file. `huge` ones are large images that no recursive reader wants by accident."""

    huge = False
    #: whether the size is unknown until the file has been read to its end
    streamed = False

    @property
    def ready(self) -> bool:
        """Whether the content is at hand, so that `size` and `blob` cost nothing."""
        return False

    @property
    def size(self) -> int:
        """The exact number of bytes; raises what reading would raise."""
        return self.blob().size

    def blob(self) -> Blob:
        """The content."""
        raise NotImplementedError

    def read_bytes(self) -> bytes:
        """The whole content."""
        blob = self.blob()
        return blob.pread(0, blob.size)

    def read_text(self) -> str:
        """The whole content as text."""
        return self.read_bytes().decode("utf-8", "replace")

    def to_json(self) -> Any:
        return self.read_text()


class TextFile(File):
    """A small file that is rendered when it is looked at. `plain` gives its value in JSON output; None leaves it out of the
    JSON of its directory, as a table that repeats its neighbour. A `composed` one, as a table is, is put together from many values:
    no listing renders it only to tell its size."""

    def __init__(
        self, render: Callable[[], str], plain: Callable[[], Any] | None = None, *, composed: bool | None = None, live: bool = False
    ) -> None:
        self._render = render
        self.live = live
        self._plain = plain
        self.composed = plain is None if composed is None else composed
        self._kept: Data | None = None

    @property
    def repeats(self) -> bool:
        """Whether the file says again what its neighbours say."""
        return self._plain is None

    @property
    def ready(self) -> bool:
        return self._kept is not None

    def blob(self) -> Blob:
        if self._kept is not None:
            return self._kept
        rendered = Data(self._render().encode("utf-8", "backslashreplace"))
        if rendered.size <= _KEEP and not self.live:
            self._kept = rendered
        return rendered

    def to_json(self) -> Any:
        return self._plain() if self._plain else self.read_text()


class ImageFile(File):
    """A binary file behind a blob."""

    def __init__(self, blob: Callable[[], Blob], *, huge: bool = False) -> None:
        self._make = blob
        self._blob: Blob | None = None
        self.huge = huge

    @property
    def ready(self) -> bool:
        return self._blob is not None

    def blob(self) -> Blob:
        if self._blob is None:
            self._blob = self._make()
        return self._blob

    def to_json(self) -> Any:
        if self.huge:
            return {"bytes": self.size}
        return self.read_bytes().hex()


class StreamFile(File):
    """A file that costs real work: made piece by piece as it is read, its size 0 until the end has been reached.

    A piece is some bytes, made in well under a second; an empty one says that the work goes on. `count` says how
    many pieces there will be, about, for those who show progress; None where that is not known.
    """

    streamed = True

    def __init__(self, pieces: Callable[[], Iterator[bytes]], count: Callable[[], int] | None = None) -> None:
        self.pieces = pieces
        self.count = count

    @property
    def size(self) -> int:
        return 0

    def blob(self) -> Blob:
        return Data(b"".join(self.pieces()))


class Dir(Node):
    """A directory. `entries` makes the children in their order; `lookup` answers names that are not listed; `value` gives
    the JSON form where that is not simply the children's."""

    def __init__(
        self,
        entries: Callable[[], Iterable[tuple[str, Node]]],
        *,
        lookup: Callable[[str], Node | None] | None = None,
        value: Callable[[], Any] | None = None,
        at_hand: bool = False,
    ) -> None:
        self._entries = entries
        #: whether all that the children say has been decoded and is little, so that to make them takes no noticeable time
        self.at_hand = at_hand
        self._lookup = lookup
        self._value = value
        self._children: Mapping[str, Node] | None = None
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether the children have been made."""
        return self._children is not None

    @property
    def children(self) -> Mapping[str, Node]:
        """The children by name, in order. Never raises: what cannot be made is an `ERROR` file."""
        found = self._children
        if found is None:
            with self._lock:
                found = self._children
                if found is None:
                    try:
                        found = dict(names.distinct(self._entries()))
                    except SnapfsError as error:
                        found = {"ERROR": error_file(error)}
                    self._children = found
        return found

    def get(self, name: str) -> Node | None:
        """The child of that name, listed or made on look-up; None when there is none."""
        found = self.children.get(name)
        if found is None and self._lookup is not None:
            found = self._lookup(name)
        return found

    def hint(self, name: str) -> str:
        """The end of a sentence that says that `name` is not here: what it may have been meant to be, or what is here."""
        from difflib import get_close_matches

        here = list(self.children)
        if near := get_close_matches(name, here, 3, 0.7):
            return f"; did you mean {' or '.join(near)}?"
        if here:
            return f"; there is {', '.join(here[:8])}" + (f" and {len(here) - 8} more" if len(here) > 8 else "")
        return "; names here are made on look-up, snapfs-tree(5) has their form" if self._lookup else "; the directory is empty"

    def __truediv__(self, path: str) -> Node:
        """The node at a relative path, links followed. NoSuchNode and NotADirectory name the part that failed."""
        return self.walk(path)[-1]

    def walk(self, path: str) -> list[Node]:
        """The nodes from this one along a relative path, links followed."""
        trail: list[Node] = [self]
        pending = [part for part in reversed(path.split("/")) if part and part != "."]
        hops = 0
        while pending:
            part = pending.pop()
            here = trail[-1]
            if part == "..":
                del trail[1 if len(trail) == 1 else -1 :]
                continue
            if not isinstance(here, Dir):
                raise NotADirectory(f"{path}: {part} is looked for in a file")
            node = here.get(part)
            if node is None:
                raise NoSuchNode(f"{path}: no {part} here{here.hint(part)}")
            if isinstance(node, Link):
                hops += 1
                if hops > 16:
                    raise NoSuchNode(f"{path}: too many links")
                pending.extend(p for p in reversed(node.target.split("/")) if p and p != ".")
                continue
            trail.append(node)
        return trail

    def read_text(self) -> str:
        raise IsADirectory("a directory has no content; list it, or read a file in it")

    def to_json(self) -> Any:
        if self._value is not None:
            return self._value()
        found = {}
        for name, node in self.children.items():
            if isinstance(node, Link) or (isinstance(node, TextFile) and node.repeats) or (isinstance(node, File) and node.streamed):
                continue
            try:
                found[name] = node.to_json()
            except SnapfsError as error:
                found[name] = {"ERROR": str(error)}
        return found


def error_file(error: SnapfsError) -> TextFile:
    """The `ERROR` file that stands for what could not be made."""
    text = str(error)
    return TextFile(lambda: text + "\n", lambda: text)


def json_text(value: Any) -> str:
    """A value of `to_json` as text."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
