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

from snapfs.errors import SnapfsError
from snapfs.formats.elf_core import Nhdr
from snapfs.snapshot.memory import GuestMemory

__all__ = ["LONGEST", "MOST", "VmcoreInfo", "candidates", "data_pieces"]

#: contents longer than this are no VMCOREINFO; the kernel keeps it in a page
LONGEST: Final = 8192
#: candidates that are looked at; a guest may have written any number
MOST: Final = 1024
_MARK: Final = b"VMCOREINFO\0\0OSRELEASE="
_CHUNK: Final = 4 << 20
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


def data_pieces(memory: GuestMemory, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Guest RAM that is neither hole nor missing, in pieces with their addresses; each begins with the last `overlap` bytes of
    the one before where they are neighbours. A piece that cannot be read is left out."""
    for r in memory.by_address:
        blob = memory.content(r)
        end, tail = -1, b""
        for extent in blob.extents():
            if extent.kind != "data":
                continue
            for at in range(extent.start, extent.end, _CHUNK):
                try:
                    piece = blob.pread(at, min(_CHUNK, extent.end - at))
                except SnapfsError:
                    end, tail = -1, b""
                    continue
                kept = tail if at == end else b""
                yield r.start + at - len(kept), kept + piece
                end, tail = at + len(piece), piece[-overlap:]


def candidates(memory: GuestMemory) -> Iterator[VmcoreInfo | None]:
    """Every note in RAM that looks like VMCOREINFO, in the order of addresses, `MOST` of them; None after each piece of RAM that
    was looked through."""
    count = 0
    for address, piece in data_pieces(memory, len(_MARK) + Nhdr.SIZE):
        at = piece.find(_MARK)
        while at >= 0:
            if at >= Nhdr.SIZE and (found := _note(memory, address + at - Nhdr.SIZE, piece[at - Nhdr.SIZE : at])):
                yield found
                count += 1
                if count >= MOST:
                    return
            at = piece.find(_MARK, at + len(_MARK))
        yield None


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
