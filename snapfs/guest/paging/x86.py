"""Page tables of x86: 32-bit, PAE, 4-level and 5-level paging, with pages of 4K, 2M, 4M and 1G.

Source: Intel SDM volume 3, chapter 4 (Paging).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from snapfs.guest.paging.tables import ALL, EXEC, LOCAL, READ, USER, WRITE, Entry, Level, Tree, absent, leaf, table

__all__ = ["enabled", "mode", "trees"]

_PG: Final = 1 << 31
_PSE: Final = 1 << 4
_PAE: Final = 1 << 5
_LA57: Final = 1 << 12
_LMA: Final = 1 << 10
_NXE: Final = 1 << 11

_ADDRESS: Final = 0x000F_FFFF_FFFF_F000
_NX: Final = 1 << 63
# linear address masking: the bits that CR3.LAM_U57, CR3.LAM_U48 and CR4.LAM_SUP have ignored
_LAM57: Final = 0x7E00_0000_0000_0000
_LAM48: Final = 0x7FFF_0000_0000_0000

_LONG: Final = (Level("PML5E", 48, 9), Level("PML4E", 39, 9), Level("PDPTE", 30, 9), Level("PDE", 21, 9), Level("PTE", 12, 9))
_PAE_LEVELS: Final = (Level("PDPTE", 30, 2), Level("PDE", 21, 9), Level("PTE", 12, 9))
_LEGACY: Final = (Level("PDE", 22, 10), Level("PTE", 12, 10))


def enabled(cr0: int) -> bool:
    """Whether paging is on."""
    return bool(cr0 & _PG)


def mode(cr0: int, cr4: int, efer: int) -> str:
    """The paging mode in words."""
    if not cr0 & _PG:
        return "paging is off (CR0.PG is 0)"
    if efer & _LMA:
        return "5-level paging" if cr4 & _LA57 else "4-level paging"
    return "PAE paging" if cr4 & _PAE else "32-bit paging"


def trees(cr0: int, cr3: int, cr4: int, efer: int) -> tuple[Tree, ...]:
    """The translation that the control registers select; empty when paging is off."""
    if not cr0 & _PG:
        return ()
    nx = _NX if efer & _NXE else 0
    if efer & _LMA:
        levels = _LONG if cr4 & _LA57 else _LONG[1:]
        half = 1 << (56 if cr4 & _LA57 else 47)
        decode = _long(levels, nx)
        root = cr3 & _ADDRESS
        user = _LAM57 if cr3 >> 61 & 1 else _LAM48 if cr3 >> 62 & 1 else 0
        kernel = (_LAM57 if cr4 & _LA57 else _LAM48) if cr4 >> 28 & 1 else 0
        return (
            Tree("lower half", 0, half, root, levels, decode, tag=user),
            Tree("upper half", (1 << 64) - half, 1 << 64, root, levels, decode, tag=kernel),
        )
    if cr4 & _PAE:
        return (Tree("PAE", 0, 1 << 32, cr3 & 0xFFFF_FFE0, _PAE_LEVELS, _pae(nx)),)
    return (Tree("32-bit", 0, 1 << 32, cr3 & 0xFFFF_F000, _LEGACY, _legacy(bool(cr4 & _PSE)), 4),)


def _rights(entry: int, nx: int) -> int:
    return READ | LOCAL | (WRITE if entry & 2 else 0) | (USER if entry & 4 else 0) | (0 if entry & nx else EXEC)


def _long(levels: tuple[Level, ...], nx: int) -> Callable[[int, int], Entry]:
    shifts = tuple(level.shift for level in levels)

    def decode(depth: int, entry: int) -> Entry:
        if not entry & 1:
            return absent()
        rights = _rights(entry, nx)
        shift = shifts[depth]
        if shift == 12 or (entry & 0x80 and shift < 39):
            return leaf(entry & _ADDRESS, 1 << shift, rights & ~LOCAL if entry & 0x100 else rights)
        if entry & 0x80:
            return absent("reserved bit 7 is set")
        return table(entry & _ADDRESS, rights)

    return decode


def _pae(nx: int) -> Callable[[int, int], Entry]:
    inner = _long(_PAE_LEVELS, nx)

    def decode(depth: int, entry: int) -> Entry:
        if depth:
            return inner(depth, entry)
        # the four entries of the first level have no permissions of their own
        return table(entry & _ADDRESS, ALL) if entry & 1 else absent()

    return decode


def _legacy(pse: bool) -> Callable[[int, int], Entry]:
    def decode(depth: int, entry: int) -> Entry:
        if not entry & 1:
            return absent()
        rights = _rights(entry, 0)
        shown = rights & ~LOCAL if entry & 0x100 else rights
        if depth:
            return leaf(entry & 0xFFFF_F000, 1 << 12, shown)
        if pse and entry & 0x80:
            # PSE-36: bits 13 to 20 are bits 32 to 39 of the address
            return leaf(entry & 0xFFC0_0000 | (entry >> 13 & 0xFF) << 32, 1 << 22, shown)
        return table(entry & 0xFFFF_F000, rights)

    return decode
