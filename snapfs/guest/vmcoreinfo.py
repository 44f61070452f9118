"""VMCOREINFO: the note about itself that a Linux kernel keeps in its memory for crash dumps, found by one scan of RAM.

The note is an ELF note named `VMCOREINFO` whose contents are lines `key=value`. Anything in RAM may look like one (a page of
a file, a kernel before the last kexec, a guest in the guest), so that candidates are only that.
Source: linux, kernel/vmcore_info.c and Documentation/admin-guide/kdump/vmcoreinfo.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from snapfs.blob.scan import occurrences
from snapfs.errors import SnapfsError
from snapfs.formats.elf_core import Nhdr
from snapfs.snapshot.memory import GuestMemory

__all__ = ["LONGEST", "MOST", "VmcoreInfo", "candidates"]

#: contents longer than this are no VMCOREINFO; the kernel keeps it in a page
LONGEST: Final = 8192
#: candidates that are looked at; a guest may have written any number
MOST: Final = 1024
_MARK: Final = b"VMCOREINFO\0\0OSRELEASE="
# a line that every one of them has, from the first on: longer than the note's name, and of bytes that are rarer in memory than zeros
_LINE_OF_ALL: Final = b"\nSYMBOL(swapper_pg_dir)="
# such lines that are looked at: a program in the guest can have any number
_HITS: Final = 1 << 16
# of which so many are one piece of work
_BREATH: Final = 1 << 11
_LINE: Final = re.compile(r"([A-Za-z_-]+(?:\([^()\s]{1,128}\))?)=(.{0,256})")


@dataclass(frozen=True)
class VmcoreInfo:
    """The contents of a note, and where in physical memory they are."""

    address: int
    contents: bytes

    @cached_property
    def values(self) -> dict[str, str]:
        """The lines by key, as they are: `SYMBOL(_stext)`, `OSRELEASE`."""
        text = self.contents.rstrip(b"\0").decode("utf-8", "replace")
        return {m[1]: m[2] for line in text.split("\n") if (m := _LINE.fullmatch(line))}

    def number(self, key: str) -> int | None:
        """`NUMBER(key)`: decimal, negative ones too, or hexadecimal with `0x`."""
        return _integer(self.values.get(f"NUMBER({key})", ""), 0)

    def hexadecimal(self, key: str) -> int | None:
        """A value that is written in hexadecimal without `0x`: `KERNELOFFSET`, `SYMBOL(_stext)`."""
        return _integer(self.values.get(key, ""), 16)


def _integer(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def candidates(memory: GuestMemory) -> Iterator[VmcoreInfo | None]:
    """Every note in RAM that looks like VMCOREINFO, in the order of addresses, `MOST` of them; None after each piece of RAM that
    was looked through."""
    seen = -1
    count = hits = 0
    for r in memory.by_address:
        if r.length == r.missing:
            continue
        file = memory.file(r)
        for place in occurrences(file, r.offset, r.offset + r.length - r.missing, _LINE_OF_ALL):
            if place is None:
                yield None
                continue
            hits += 1
            address = r.start + place - r.offset
            if address > seen and (found := _around(memory, r.start, address)):
                seen = found.address + len(found.contents)
                count += 1
                yield found
            elif hits % _BREATH == 0:
                yield None
            if count >= MOST or hits >= _HITS:
                return


def _around(memory: GuestMemory, start: int, address: int) -> VmcoreInfo | None:
    """The note that a line at `address` is in; it begins behind `start`."""
    low = max(start, address - LONGEST)
    try:
        before = memory.read(low, address - low)
    except SnapfsError:
        return None
    at = before.rfind(_MARK)
    return _note(memory, low + at - Nhdr.SIZE, before[at - Nhdr.SIZE : at]) if at >= Nhdr.SIZE else None


def _note(memory: GuestMemory, address: int, head: bytes) -> VmcoreInfo | None:
    """The note whose head is at `address`; None when it is none."""
    note = Nhdr.decode(head)
    if note.n_namesz != 11 or note.n_type or not 16 <= note.n_descsz <= LONGEST:
        return None
    start = address + Nhdr.SIZE + 12
    try:
        contents = memory.read(start, note.n_descsz)
    except SnapfsError:
        return None
    return VmcoreInfo(start, contents)
