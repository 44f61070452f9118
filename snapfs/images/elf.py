"""The head of an ELF core file: header, program headers and notes in an area of fixed size, and guest RAM behind it.

The area is as large as the most that may stand in it, so that the size of a core file is known before anything has been
looked for in guest memory. With more segments than the header can count the number goes into the first section header.
Source: the ELF specification (gabi, chapter 4), linux, include/uapi/linux/elf.h (`PN_XNUM`).
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from elftools.elf.constants import P_FLAGS
from elftools.elf.enums import ENUM_E_MACHINE, ENUM_E_TYPE, ENUM_E_VERSION, ENUM_EI_CLASS, ENUM_EI_DATA, ENUM_P_TYPE_BASE

from snapfs.formats.elf_core import Ehdr, Phdr, Shdr
from snapfs.guest.paging.tables import EXEC, READ, USER_EXEC, WRITE

__all__ = ["MACHINES", "PAGE", "Load", "area", "flags", "head"]

PAGE: Final = 4096
MACHINES: Final = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64", "riscv64": "EM_RISCV"}
# a count of segments that e_phnum cannot hold
_PN_XNUM: Final = 0xFFFF


class Load(NamedTuple):
    """A segment: `size` bytes at `offset` in the file, with their addresses."""

    virtual: int
    physical: int
    size: int
    offset: int
    flags: int = P_FLAGS.PF_R | P_FLAGS.PF_W | P_FLAGS.PF_X


def flags(rights: int) -> int:
    """The flags of a segment with the rights of a page."""
    return (
        (P_FLAGS.PF_R if rights & READ else 0)
        | (P_FLAGS.PF_W if rights & WRITE else 0)
        | (P_FLAGS.PF_X if rights & (EXEC | USER_EXEC) else 0)
    )


def area(segments: int, notes: int) -> int:
    """The size of the area for so many segments and so many bytes of notes, in whole pages."""
    return -(-(Ehdr.SIZE + Shdr.SIZE + Phdr.SIZE * (segments + 1) + notes) // PAGE) * PAGE


def head(arch: str, loads: Sequence[Load], notes: bytes) -> bytes:
    """The area's contents: header, the one note segment, the loaded segments, the notes."""
    count = len(loads) + 1
    many = count >= _PN_XNUM
    sections = Shdr.SIZE if many else 0
    table = Ehdr.SIZE + sections
    ehdr = Ehdr(
        e_ident=b"\x7fELF" + bytes((ENUM_EI_CLASS["ELFCLASS64"], ENUM_EI_DATA["ELFDATA2LSB"], ENUM_E_VERSION["EV_CURRENT"])) + bytes(9),
        e_type=ENUM_E_TYPE["ET_CORE"],
        e_machine=ENUM_E_MACHINE[MACHINES.get(arch, "EM_NONE")],
        e_version=ENUM_E_VERSION["EV_CURRENT"],
        e_entry=0,
        e_phoff=table,
        e_shoff=Ehdr.SIZE if many else 0,
        e_flags=0,
        e_ehsize=Ehdr.SIZE,
        e_phentsize=Phdr.SIZE,
        e_phnum=_PN_XNUM if many else count,
        e_shentsize=sections,
        e_shnum=1 if many else 0,
        e_shstrndx=0,
    )
    parts = [ehdr.encode()]
    if many:
        zero = dict.fromkeys(Shdr.FIELDS, 0)
        parts.append(Shdr(**zero | {"sh_info": count}).encode())
    where = table + Phdr.SIZE * count
    parts.append(_phdr(ENUM_P_TYPE_BASE["PT_NOTE"], Load(0, 0, len(notes), where, 0), 0).encode())
    parts.append(_loads(loads))
    return b"".join((*parts, notes))


def _phdr(kind: int, load: Load, in_memory: int) -> Phdr:
    # alignment 0: crash takes any other for a dump of another kind
    return Phdr(
        p_type=kind,
        p_flags=load.flags,
        p_offset=load.offset,
        p_vaddr=load.virtual,
        p_paddr=load.physical,
        p_filesz=load.size,
        p_memsz=in_memory,
        p_align=0,
    )


def _loads(loads: Iterable[Load]) -> bytes:
    """The headers of loaded segments; there may be some hundred thousand, and one by one they would take seconds."""
    kind = ENUM_P_TYPE_BASE["PT_LOAD"]
    words = array("Q")
    for virtual, physical, size, offset, rights in loads:
        # p_type and p_flags are the halves of the first word
        words.extend((kind | rights << 32, offset, virtual, physical, size, size, 0))
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()
