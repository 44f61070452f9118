"""What several serving processes of one mount share: the look-ups that the kernel was answered, the log's last lines, counters.

The kernel sends a request to whichever process is free, so a number that one of them gave out must mean the same in all. A
journal in unnamed shared memory has a record per look-up and per forget; each process reads it up to its end when it meets
a number that it does not know. What all have read is given back to the system.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
import threading
from typing import Final

from snapfs.errors import NoSuchNode
from snapfs.fuse.inodes import ROOT, Entry, InodeTable
from snapfs.tree import Dir

__all__ = ["Counters", "Journal", "SharedTable"]

_RECORD: Final = struct.Struct("<QQiH")  # number, parent, change of the count, length of the name that follows
_PUNCH: Final = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, linux: include/uapi/linux/falloc.h
_GIVE_BACK: Final = 1 << 20
_MOST: Final = 65


class Journal:
    """An append-only file in memory that every process writes and reads. Records do not mix."""

    def __init__(self, name: str) -> None:
        self.fd = os.memfd_create(name, os.MFD_CLOEXEC)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_APPEND)
        self._given_back = 0

    @property
    def size(self) -> int:
        """How much has been appended, ever."""
        return os.fstat(self.fd).st_size

    def append(self, data: bytes) -> None:
        """Adds a record."""
        os.write(self.fd, data)

    def read(self, start: int) -> bytes:
        """All from `start` on."""
        return os.pread(self.fd, max(0, self.size - start), start)

    def tail(self, length: int) -> bytes:
        """The last bytes."""
        return os.pread(self.fd, length, max(0, self.size - length))

    def give_back(self, end: int) -> None:
        """Nobody will read what is before `end`."""
        if end - self._given_back >= _GIVE_BACK:
            ctypes.CDLL(None).fallocate(self.fd, _PUNCH, ctypes.c_long(0), ctypes.c_long(end & ~4095))
            self._given_back = end


class Counters:
    """Named numbers, a row for each process, in shared memory."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._all = memoryview(mmap.mmap(-1, _MOST * 8 * len(names))).cast("Q")
        self.row = self._all[: len(names)]

    def take_row(self, process: int) -> None:
        """From now on this process counts in its own row."""
        width = len(self.names)
        self.row = self._all[process * width : (process + 1) * width]

    def sums(self) -> dict[str, int]:
        """The sums over all processes."""
        width = len(self.names)
        return {name: sum(self._all[i::width]) for i, name in enumerate(self.names)}

    def column(self, name: str) -> list[int]:
        """A number of every process."""
        return list(self._all[self.names.index(name) :: len(self.names)])


class _Known:
    """What the journal says of a number."""

    __slots__ = ("lookups", "name", "parent")

    def __init__(self, parent: int, name: str) -> None:
        self.parent = parent
        self.name = name
        self.lookups = 0


class SharedTable(InodeTable):
    """The inode table of one of several processes."""

    shared = True

    def __init__(self, root: Dir, processes: int) -> None:
        super().__init__(root)
        self._journal = Journal("snapfs-inodes")
        self._known: dict[int, _Known] = {}
        self._facts: dict[int, int] = {}
        self._seen = 0
        self._reading = threading.Lock()
        self._positions = memoryview(mmap.mmap(-1, 8 * (processes + 1))).cast("Q")
        self._process = processes  # the supervisor

    def __len__(self) -> int:
        self._catch_up()
        return len(self._known) + 1

    def take_place(self, process: int) -> None:
        """From now on this process is that one of several."""
        self._process = process

    def get(self, ino: int) -> Entry | None:
        entry = self._entries.get(ino)
        if entry is None:
            if ino not in self._known:
                self._catch_up()
            known = self._known.get(ino)
            above = self.get(known.parent) if known else None
            if known is not None and above is not None and isinstance(above.node, Dir):
                node = above.node.get(known.name)
                if node is not None:
                    entry = self._entries[ino] = Entry(ino, above, known.name, node)
        return entry

    def __getitem__(self, ino: int) -> Entry:
        entry = self.get(ino)
        if entry is None:
            raise NoSuchNode(f"inode {ino}: not known here")
        return entry

    def is_known(self, ino: int) -> bool:
        self._catch_up()
        return ino in self._known

    def count(self, *entries: Entry) -> None:
        records = []
        for entry in entries:
            self._entries.setdefault(entry.ino, entry)
            name = os.fsencode(entry.name)
            records.append(_RECORD.pack(entry.ino, entry.parent.ino if entry.parent else ROOT, 1, len(name)) + name)
        if records:
            self._journal.append(b"".join(records))
            self._catch_up()

    def forget(self, ino: int, count: int) -> bool:
        if ino == ROOT:
            return False
        self._journal.append(_RECORD.pack(ino, 0, -count, 0))
        self._catch_up()
        return ino not in self._known

    def tell(self, key: int, value: int) -> None:
        """Tells all a number by a number; 0 takes it back."""
        self._journal.append(_RECORD.pack(key, value, 0, 0))

    def fact(self, key: int) -> int | None:
        """What was told of a number, here or elsewhere."""
        self._catch_up()
        return self._facts.get(key)

    def _catch_up(self) -> None:
        with self._reading:  # look-ups are done in threads, too
            self._replay()

    def _replay(self) -> None:
        data = self._journal.read(self._seen)
        at = 0
        while len(data) - at >= _RECORD.size:
            ino, parent, change, length = _RECORD.unpack_from(data, at)
            end = at + _RECORD.size + length
            if end > len(data):
                break  # a record that is just being written shows page by page
            name = data[end - length : end]
            at = end
            if change == 0:
                if parent:
                    self._facts[ino] = parent
                else:
                    self._facts.pop(ino, None)
                continue
            known = self._known.get(ino)
            if known is None:
                if change < 0:
                    continue
                known = self._known[ino] = _Known(parent, os.fsdecode(name))
            known.lookups += change
            if known.lookups <= 0:
                del self._known[ino]
                self._entries.pop(ino, None)
                self._facts.pop(ino, None)
        self._seen += at
        self._positions[self._process] = self._seen
        self._journal.give_back(min(self._positions))
