"""Page tables of riscv64: Sv39, Sv48 and Sv57, with Svnapot's 64K pages.

Source: The RISC-V Instruction Set Manual, volume II (Privileged Architecture), chapters "Supervisor-Level ISA" and
"Svnapot".
"""

from __future__ import annotations

from typing import Final

from snapfs.guest.paging.tables import ALL, EXEC, LOCAL, READ, USER, WRITE, Entry, Level, Tree, absent, leaf, table

__all__ = ["enabled", "mode", "trees"]

_LEVELS: Final = tuple(Level(f"level {n} PTE", 12 + 9 * n, 9) for n in (4, 3, 2, 1, 0))
_MODES: Final = {8: 3, 9: 4, 10: 5}


def enabled(satp: int) -> bool:
    """Whether satp selects a translation (its MODE is not Bare)."""
    return satp >> 60 != 0


def mode(satp: int) -> str:
    """The paging mode in words."""
    if not satp >> 60:
        return "paging is off (satp.MODE is Bare)"
    levels = _MODES.get(satp >> 60)
    return f"Sv{12 + 9 * levels}" if levels else f"satp.MODE {satp >> 60}, which is reserved"


def trees(satp: int) -> tuple[Tree, ...]:
    """The translation that satp selects; empty for Bare and for reserved modes."""
    levels = _MODES.get(satp >> 60)
    if levels is None:
        return ()
    half = 1 << (11 + 9 * levels)
    root = (satp & (1 << 44) - 1) << 12
    used = _LEVELS[-levels:]

    def decode(depth: int, entry: int) -> Entry:
        return _decode(used[depth].shift, entry)

    return (Tree("lower half", 0, half, root, used, decode), Tree("upper half", (1 << 64) - half, 1 << 64, root, used, decode))


def _decode(shift: int, entry: int) -> Entry:
    if not entry & 1:
        return absent()
    address = (entry >> 10 & (1 << 44) - 1) << 12
    spread = ALL & ~LOCAL if entry & 0x20 else ALL
    if not entry & 0xE:
        return table(address, spread) if shift > 12 else absent("an entry of the last level leads to a table")
    if entry & 6 == 4:
        return absent("reserved: writable and not readable")
    rights = (READ if entry & 2 else 0) | (WRITE if entry & 4 else 0) | (EXEC if entry & 8 else 0) | (USER if entry & 0x10 else 0)
    rights |= spread & LOCAL
    if entry >> 63:
        if shift > 12 or address >> 12 & 0xF != 8:
            return absent("reserved: no such NAPOT page")
        return leaf(address & ~0xFFFF, 1 << 16, rights)
    if address & (1 << shift) - 1:
        return absent("misaligned superpage")
    return leaf(address, 1 << shift, rights)
