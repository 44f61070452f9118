"""Which nodes of a directory an export writes.

Of the top directory the images of guest memory are left out, save the originals in `raw/`: they repeat the same memory
three times and more. So are files that cost real work to make. Below any other directory everything is written, since it
was asked for by name. A link that leads out of the exported part is replaced by what it leads to, so that nothing
points outside the copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from snapfs.errors import SnapfsError
from snapfs.tree import Dir, File, Link, Node

__all__ = ["Item", "Selection", "select"]

# links replaced by their targets may not nest deeper than this
_DEEPEST = 4


class Item(NamedTuple):
    """One node and its path below the exported directory; the directory itself has the empty path."""

    path: str
    node: Node
    mtime_ns: int | None


@dataclass
class Selection:
    """What is written, in the order of the tree, and the paths of what is not."""

    items: list[Item] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def data_bytes(self) -> int:
        """The bytes of the images that are neither hole nor gap: the work ahead."""
        return sum(data_bytes(item.node) for item in self.items if isinstance(item.node, File) and item.node.huge)


def data_bytes(file: File) -> int:
    """The bytes of a file that have to be read; 0 where it cannot be."""
    try:
        return sum(e.end - e.start for e in file.blob().extents() if e.kind == "data")
    except SnapfsError:
        return 0


def select(trail: list[Node], *, everything: bool = False, exclude: tuple[str, ...] = ()) -> Selection:
    """What an export of the last node of `trail` writes; the first is the top of the tree. `everything` leaves nothing out;
    `exclude` are patterns of the shell for names, or for paths below the exported directory."""
    found = Selection()
    lean = len(trail) == 1 and not everything
    time = next((node.mtime_ns for node in reversed(trail) if node.mtime_ns is not None), None)
    for item in _walk(trail[-1], trail, "", time, 0):
        if item.path and any(fnmatchcase(item.path, p) or fnmatchcase(item.path.rpartition("/")[2], p) for p in exclude):
            found.left_out.append(item.path)
        elif any(item.path.startswith(f"{path}/") for path in found.left_out):
            continue
        elif lean and isinstance(item.node, File) and _repeats_memory(item):
            found.left_out.append(item.path)
        else:
            found.items.append(item)
    return found


def _repeats_memory(item: Item) -> bool:
    assert isinstance(item.node, File)
    return item.node.streamed or (item.node.huge and not item.path.startswith("raw/"))


def _walk(node: Node, trail: list[Node], path: str, mtime_ns: int | None, hops: int) -> Iterator[Item]:
    """`node` and all below it. `trail` are the directories from the top of the tree down to `node`."""
    time = node.mtime_ns if node.mtime_ns is not None else mtime_ns
    yield Item(path, node, time)
    if not isinstance(node, Dir):
        return
    for name, child in node.children.items():
        below = f"{path}/{name}" if path else name
        if isinstance(child, Link) and _leaves(child.target, path):
            target = _follow(trail, child.target)
            if target is None or hops == _DEEPEST:
                continue
            yield from _walk(target[-1], target, below, time, hops + 1)
        else:
            yield from _walk(child, [*trail, child], below, time, hops)


def _leaves(target: str, directory: str) -> bool:
    """Whether a link in `directory`, a path below the exported one, leads above the latter."""
    depth = directory.count("/") + 1 if directory else 0
    for part in target.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False


def _follow(trail: list[Node], target: str) -> list[Node] | None:
    """The trail to a link's target, None where it leads nowhere."""
    here = list(trail)
    for part in target.split("/"):
        if part == "..":
            del here[1 if len(here) == 1 else -1 :]
        elif part not in ("", "."):
            node = here[-1].get(part) if isinstance(here[-1], Dir) else None
            if node is None or isinstance(node, Link):
                return None
            here.append(node)
    return here
