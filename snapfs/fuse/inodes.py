"""Inode numbers: which node the kernel means, and when it has forgotten it. Pure: knows nodes, not FUSE.

A number is a hash of the path, so it is the same after a remount and in every process that serves the mount. An entry lives
as long as the kernel holds a reference to it: as many `forget`s as there were look-ups end it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any, Final

from snapfs.errors import NoSuchNode, NotADirectory, SnapfsError
from snapfs.tree import Dir, Node

__all__ = ["ROOT", "Entry", "InodeTable", "number"]

ROOT: Final = 1


def number(parent: int, name: str, identity: str = "") -> int:
    """The number of a child: 63 bits, never 0 or that of the root."""
    key = b"%s%s\0%s" % (parent.to_bytes(8, "little"), os.fsencode(name), identity.encode())
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") >> 1 or 2


class Entry:
    """A node at its place: `mtime_ns` is its own or that of the nearest directory above that has one."""

    __slots__ = ("ino", "lookups", "mtime_ns", "name", "node", "parent", "told")

    def __init__(self, ino: int, parent: Entry | None, name: str, node: Node) -> None:
        self.ino = ino
        self.parent = parent
        self.name = name
        self.node = node
        self.lookups = 0
        #: what the door has told the kernel of it and may tell again
        self.told: Any = None
        self.mtime_ns: int | None = node.mtime_ns if node.mtime_ns is not None else parent.mtime_ns if parent else None

    @property
    def path(self) -> str:
        """The path from the root, for messages."""
        names: list[str] = []
        at: Entry | None = self
        while at is not None and at.parent is not None:
            names.append(at.name)
            at = at.parent
        return "/".join(reversed(names)) or "/"


class InodeTable:
    """The entries that the kernel knows, by number."""

    #: whether other processes give out numbers too
    shared = False

    def __init__(self, root: Dir) -> None:
        self._entries: dict[int, Entry] = {ROOT: Entry(ROOT, None, "", root)}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __getitem__(self, ino: int) -> Entry:
        """The entry of a number; NoSuchNode when the kernel was never told of it."""
        try:
            return self._entries[ino]
        except KeyError:
            raise NoSuchNode(f"inode {ino}: not known here") from None

    def get(self, ino: int) -> Entry | None:
        """The entry of a number, if it is known."""
        return self._entries.get(ino)

    def child(self, parent: Entry, name: str) -> Entry | None:
        """The entry of a child; None when there is none. It is not counted: `count` what the kernel was told of."""
        if not isinstance(parent.node, Dir):
            raise NotADirectory(f"{parent.path}: not a directory")
        if not parent.node.live:
            known = self._entries.get(number(parent.ino, name))
            if known is not None:
                return known
        node = parent.node.get(name)
        return None if node is None else self.entry(parent, name, node)

    def entry(self, parent: Entry, name: str, node: Node) -> Entry:
        """The entry of a node that is known to be a child."""
        ino = number(parent.ino, name, node.identity)
        known = self._entries.get(ino)
        if known is None:
            return Entry(ino, parent, name, node)
        if known.name != name or (known.parent is not None and known.parent.ino != parent.ino):
            raise SnapfsError(f"{parent.path}/{name}: its inode number is that of {known.path}; read it with `snapfs cat`")
        if known.node is not node:
            known.node = node
            known.told = None
        return known

    def tell(self, key: int, value: int) -> None:
        """Tells the other processes a number by a number; 0 takes it back."""

    def fact(self, key: int) -> int | None:
        """What another process told of a number."""
        return None

    def is_known(self, ino: int) -> bool:
        """Whether the kernel was told of a number."""
        return ino in self._entries

    def count(self, *entries: Entry) -> None:
        """The kernel was told of the entries once more. Of two that were made at once for one name the first is kept: a count that
        went with the other would be missing when the kernel forgets."""
        for entry in entries:
            self._entries.setdefault(entry.ino, entry).lookups += 1

    def forget(self, ino: int, count: int) -> bool:
        """The kernel gave up `count` references; True when that was the last."""
        entry = self._entries.get(ino)
        if entry is None or ino == ROOT:
            return False
        entry.lookups -= count
        if entry.lookups > 0:
            return False
        del self._entries[ino]
        return True
