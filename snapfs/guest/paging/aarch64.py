"""Page tables of aarch64, stage 1 of EL1 and EL0: TTBR0 and TTBR1 with granules of 4K, 16K and 64K.

Source: Arm Architecture Reference Manual (DDI 0487), section D8 (The AArch64 Virtual Memory System Architecture).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from snapfs.guest.paging.tables import ALL, EXEC, LOCAL, READ, USER, USER_EXEC, WRITE, Entry, Level, Tree, absent, leaf, table

__all__ = ["enabled", "mode", "trees"]

# TCR_EL1.TG0 and TG1 code the same three granules differently
_TG0: Final = {0: 12, 1: 16, 2: 14}
_TG1: Final = {1: 14, 2: 12, 3: 16}


class _Half(NamedTuple):
    """What TCR_EL1 says of one of the two translations: `page` and `bits` are numbers of address bits."""

    page: int
    bits: int
    disabled: bool


def enabled(sctlr: int) -> bool:
    """Whether the MMU is on (SCTLR_EL1.M)."""
    return bool(sctlr & 1)


def _halves(tcr: int) -> tuple[_Half, _Half]:
    return (
        _Half(_TG0.get(tcr >> 14 & 3, 0), 64 - (tcr & 63), bool(tcr >> 7 & 1)),
        _Half(_TG1.get(tcr >> 30 & 3, 0), 64 - (tcr >> 16 & 63), bool(tcr >> 23 & 1)),
    )


def mode(sctlr: int, tcr: int) -> str:
    """The paging mode in words."""
    if not sctlr & 1:
        return "paging is off (SCTLR_EL1.M is 0)"
    said = []
    for name, half in zip(("TTBR0", "TTBR1"), _halves(tcr), strict=True):
        size = f"{1 << half.page - 10}K granule" if half.page else "reserved granule"
        said.append(f"{name} off" if half.disabled else f"{name} {half.bits} bits, {size}")
    return ", ".join(said)


def trees(sctlr: int, tcr: int, ttbr0: int, ttbr1: int) -> tuple[Tree, ...]:
    """The two translations; empty when the MMU is off. A half that TCR_EL1 disables (EPD) or leaves reserved is left out."""
    if not sctlr & 1:
        return ()
    found = []
    ds = bool(tcr >> 59 & 1)
    wide = tcr >> 32 & 7 == 6
    # HA and HD: the processor itself makes pages dirty that are marked for it
    dirties = tcr >> 39 & 3 == 3
    for upper, (half, ttbr) in enumerate(zip(_halves(tcr), (ttbr0, ttbr1), strict=True)):
        # without LPA2 small granules translate 48 bits at the most, whatever TxSZ asks for
        bits = half.bits if ds or half.page == 16 else min(half.bits, 48)
        if half.disabled or not half.page < bits <= 52 or not half.page:
            continue
        levels = _levels(half.page, bits)
        size = 1 << bits
        low, high = ((1 << 64) - size, 1 << 64) if upper else (0, size)
        layout = _Layout(half.page, ds and half.page < 16, wide and half.page == 16)
        tag = 0xFF << 56 if tcr >> 37 + upper & 1 else 0  # TBI0, TBI1
        plain = bool(tcr >> 41 + upper & 1)  # HPD0, HPD1
        decode = _decoder(levels, layout, hierarchical=not plain, dirties=dirties)
        found.append(Tree(f"TTBR{upper}", low, high, _root(ttbr, levels[0], layout), levels, decode, tag=tag))
    return tuple(found)


class _Layout(NamedTuple):
    """Where descriptors keep the upper bits of an address: `ds` is TCR_EL1.DS (LPA2), `lpa` 52 bits with 64K pages."""

    page: int
    ds: bool
    lpa: bool


def _levels(page: int, bits: int) -> tuple[Level, ...]:
    """The levels that translate `bits` bits: each but the first takes as many as a page of 8-byte entries selects."""
    per = page - 3
    shifts = list(range(page, bits, per))
    return tuple(Level(f"level {3 - n} entry", shift, min(per, bits - shift)) for n, shift in reversed(list(enumerate(shifts))))


def _root(ttbr: int, first: Level, layout: _Layout) -> int:
    address = ttbr & 0x0000_FFFF_FFFF_FFFE
    if layout.ds or layout.lpa:
        # bits 2 to 5 are bits 48 to 51; the table is then aligned to 64 bytes at least
        return address & ~0x3F | (ttbr >> 2 & 0xF) << 48
    return address & -(8 << first.bits)


def _decoder(levels: tuple[Level, ...], layout: _Layout, *, hierarchical: bool, dirties: bool) -> Callable[[int, int], Entry]:
    """`hierarchical`: entries that lead to tables take rights away from what is below them. `dirties`: a read-only page with DBM
    is one that can be written and has not been yet."""
    last = len(levels) - 1
    shifts = tuple(level.shift for level in levels)
    # the largest block: 1G, 32M and 512M, a level more where addresses have 52 bits
    block = layout.page + (layout.page - 3) * (2 if layout.page == 12 or layout.ds or layout.lpa else 1)
    if layout.ds and layout.page == 12:
        block += 9

    def address(entry: int) -> int:
        if layout.ds:
            return entry & 0x0003_FFFF_FFFF_F000 & -(1 << layout.page) | (entry >> 8 & 3) << 50
        found = entry & 0x0000_FFFF_FFFF_F000 & -(1 << layout.page)
        return found | (entry >> 12 & 0xF) << 48 if layout.lpa else found

    def decode(depth: int, entry: int) -> Entry:
        if not entry & 1:
            return absent()
        if depth < last and entry & 2:
            taken = 0
            if not hierarchical:
                return table(address(entry))
            if entry >> 59 & 1:
                taken |= EXEC
            if entry >> 60 & 1:
                taken |= USER_EXEC
            if entry >> 61 & 1:
                taken |= USER
            if entry >> 62 & 1:
                taken |= WRITE
            return table(address(entry), ALL & ~taken)
        if depth == last and not entry & 2:
            return absent("reserved descriptor")
        if depth < last and shifts[depth] > block:
            return absent("a block is not allowed at this level")
        rights = READ
        if not entry >> 7 & 1 or (dirties and entry >> 51 & 1):
            rights |= WRITE
        if entry >> 6 & 1:
            rights |= USER
        if not entry >> 53 & 1:
            rights |= EXEC
        if not entry >> 54 & 1:
            rights |= USER_EXEC
        if entry >> 11 & 1:
            rights |= LOCAL
        return leaf(address(entry), 1 << shifts[depth], rights)

    return decode
