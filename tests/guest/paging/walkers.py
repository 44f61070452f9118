"""Page-table walks of one address, written down from the architecture manuals and from nothing else: the oracle for `snapfs.guest.paging`.

Each takes the registers and a function that reads an entry, and gives `(physical, page size, permissions)` or None. They have no
tables of levels and keep nothing; what a processor calls a reserved encoding is a fault here.
"""

from __future__ import annotations

from collections.abc import Callable

Entry = Callable[[int, int], int | None]
"""(address, width) -> the little-endian number there, None outside RAM."""
Found = tuple[int, int, str] | None

ONES = (1 << 64) - 1


def permissions(*, r: bool, w: bool, x: bool, u: bool, g: bool) -> str:
    return "".join(letter if has else "-" for letter, has in zip("rwxug", (r, w, x, u, g), strict=True))


# ---- Intel SDM volume 3, chapter 4 (sections 4.3, 4.4 and 4.5)


def x86_32(read: Entry, va: int, cr3: int, *, pse: bool) -> Found:
    if va >> 32:
        return None
    pde = read((cr3 & 0xFFFFF000) + (va >> 22) * 4, 4)
    if pde is None or pde % 2 == 0:
        return None
    if pse and pde & 0x80:
        # table 4-4: bits 20:13 are bits 39:32 of the address
        physical = ((pde >> 13) % 256 << 32) + (pde >> 22 << 22) + va % 0x400000
        return physical, 0x400000, permissions(r=True, w=bool(pde & 2), x=True, u=bool(pde & 4), g=bool(pde & 0x100))
    pte = read((pde >> 12 << 12) + (va >> 12) % 1024 * 4, 4)
    if pte is None or pte % 2 == 0:
        return None
    both = pde & pte
    return (pte >> 12 << 12) + va % 4096, 4096, permissions(r=True, w=bool(both & 2), x=True, u=bool(both & 4), g=bool(pte & 0x100))


def x86_pae(read: Entry, va: int, cr3: int, *, nxe: bool) -> Found:
    if va >> 32:
        return None
    pdpte = read((cr3 & 0xFFFFFFE0) + (va >> 30) * 8, 8)
    if pdpte is None or not pdpte & 1:
        return None
    pde = read((pdpte & 0x000FFFFFFFFFF000) + (va >> 21) % 512 * 8, 8)
    if pde is None or not pde & 1:
        return None
    if pde & 0x80:
        return _x86_page(va, 0x200000, pde, [pde], nxe=nxe)
    pte = read((pde & 0x000FFFFFFFFFF000) + (va >> 12) % 512 * 8, 8)
    return _x86_page(va, 0x1000, pte, [pde, pte], nxe=nxe) if pte is not None and pte & 1 else None


def x86_long(read: Entry, va: int, cr3: int, *, five: bool, nxe: bool) -> Found:
    width = 57 if five else 48
    if va >> width - 1 not in (0, (1 << 65 - width) - 1):
        return None
    used = []
    table = cr3 & 0x000FFFFFFFFFF000
    for size in (1 << 48, 1 << 39, 1 << 30, 1 << 21, 1 << 12)[not five :]:
        entry = read(table + va // size % 512 * 8, 8)
        if entry is None or not entry & 1:
            return None
        used.append(entry)
        if size == 4096 or (entry & 0x80 and size <= 1 << 30):
            return _x86_page(va, size, entry, used, nxe=nxe)
        if entry & 0x80:
            return None  # PS is reserved in a PML4E and a PML5E
        table = entry & 0x000FFFFFFFFFF000
    raise AssertionError


def _x86_page(va: int, size: int, entry: int, used: list[int], *, nxe: bool) -> Found:
    frame = (entry & 0x000FFFFFFFFFF000) // size * size
    return (
        frame + va % size,
        size,
        permissions(
            r=True,
            w=all(e & 2 for e in used),
            x=not (nxe and any(e >> 63 for e in used)),
            u=all(e & 4 for e in used),
            g=bool(entry & 0x100),
        ),
    )


# ---- Arm ARM (DDI 0487), D8.2 to D8.5: stage 1 of EL1 and EL0, no LPA2


def aarch64(read: Entry, va: int, ttbr0: int, ttbr1: int, tcr: int) -> Found:
    if va >> 63:
        txsz, granule = tcr >> 16 & 0x3F, {0b10: 4096, 0b01: 16384, 0b11: 65536}[tcr >> 30 & 3]
        epd, base, hpd = tcr >> 23 & 1, ttbr1, tcr >> 42 & 1
    else:
        txsz, granule = tcr & 0x3F, {0b00: 4096, 0b10: 16384, 0b01: 65536}[tcr >> 14 & 3]
        epd, base, hpd = tcr >> 7 & 1, ttbr0, tcr >> 41 & 1
    size = 64 - txsz
    if epd or va >> size != (ONES >> size if va >> 63 else 0):
        return None
    offset_bits = {4096: 12, 16384: 14, 65536: 16}[granule]
    # D8.2.6 to D8.2.8: the address is resolved from the page upwards; the first level takes what is left
    level, left = 3, size - offset_bits
    while left > offset_bits - 3:
        left -= offset_bits - 3
        level -= 1
    table = base & 0x0000FFFFFFFFFFFE & ~(8 * (1 << left) - 1)
    allowed = {"AP1": 1, "W": 1, "PX": 1, "UX": 1}
    while True:
        shift = offset_bits + (3 - level) * (offset_bits - 3)
        index = (va >> shift) % (1 << left)
        descriptor = read(table + 8 * index, 8)
        left = offset_bits - 3
        if descriptor is None or not descriptor & 1:
            return None
        address = (descriptor & 0x0000FFFFFFFFF000) // granule * granule
        if level < 3 and descriptor & 2:
            if not hpd:
                allowed["AP1"] &= ~descriptor >> 61 & 1
                allowed["W"] &= ~descriptor >> 62 & 1
                allowed["PX"] &= ~descriptor >> 59 & 1
                allowed["UX"] &= ~descriptor >> 60 & 1
            table = address
            level += 1
            continue
        if level == 3 and not descriptor & 2:
            return None
        if level < 3 and (granule, level) not in {(4096, 1), (4096, 2), (16384, 2), (65536, 2)}:
            return None
        page = 1 << shift
        user, user_runs = allowed["AP1"] & descriptor >> 6 & 1, allowed["UX"] & ~descriptor >> 54 & 1
        return (
            address // page * page + va % page,
            page,
            permissions(
                r=True,
                # D8.5.2: with hardware management of the dirty state AP[2] says whether a page with DBM has been written to
                w=bool(allowed["W"] & (~descriptor >> 7 | (descriptor >> 51 & tcr >> 40 & tcr >> 39)) & 1),
                x=bool(user_runs or allowed["PX"] & ~descriptor >> 53 & 1),
                u=bool(user or user_runs),
                g=not descriptor >> 11 & 1,
            ),
        )


# ---- RISC-V privileged architecture, "Virtual Address Translation Process"


def riscv64(read: Entry, va: int, satp: int) -> Found:
    levels = {8: 3, 9: 4, 10: 5}[satp >> 60]
    bits = 12 + 9 * levels
    signed = va - (1 << 64) if va >> 63 else va
    if not -(1 << bits - 1) <= signed < 1 << bits - 1:
        return None
    a = satp % (1 << 44) * 4096
    is_global = False
    for i in reversed(range(levels)):
        pte = read(a + (va >> 12 + 9 * i) % 512 * 8, 8)
        if pte is None:
            return None
        v, r, w, x, u, g = (bool(pte >> n & 1) for n in range(6))
        if not v or (w and not r):
            return None
        is_global |= g
        ppn = pte >> 10 & (1 << 44) - 1
        if not r and not x:
            a = ppn * 4096
            continue
        page = 4096 << 9 * i
        if pte >> 63:  # Svnapot: 64 KiB, at level 0 alone
            if i or ppn % 16 != 8:
                return None
            ppn, page = ppn // 16 * 16, 1 << 16
        elif ppn % (1 << 9 * i):
            return None
        return ppn * 4096 + va % page, page, permissions(r=r, w=w, x=x, u=u, g=is_global)
    return None
