"""The Linux kernel of a guest: its VMCOREINFO, proved by its own page tables, and where its image and direct map are.

A candidate is believed when the page tables that it names translate their own symbol to where they are; one that a vCPU's
tables agree with is preferred. The direct map is the offset between virtual and physical addresses that maps most of RAM.
Sources: linux, arch/x86/kernel/vmcore_info_64.c, arch/arm64/kernel/vmcore_info.c, arch/riscv/kernel/vmcore_info.c.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from snapfs.errors import SnapfsError
from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, pti
from snapfs.guest.paging.tables import END
from snapfs.guest.vmcoreinfo import VmcoreInfo, candidates
from snapfs.snapshot.memory import GuestMemory
from snapfs.snapshot.vcpu import Vcpu
from snapfs.snapshot.vcpu.paging import Arm64Paging, RiscvPaging, X86Paging

__all__ = ["Linux", "Stretch", "search"]

_START_KERNEL_MAP: Final = 0xFFFF_FFFF_8000_0000
_HALF: Final = 1 << 63
_HUGE: Final = 2 << 20
# offsets between virtual and physical addresses that are counted; a kernel has few with large pages
_OFFSETS: Final = 1 << 14
_IMAGE: Final = 256 << 20
# how far from the symbol of the top page table the image may reach, and what one look over page tables may cost, in their entries
_AROUND: Final = 1 << 30
_LOOKED_AT: Final = 1 << 23
# what a look over page tables costs between two signs of life, in pieces of RAM that are looked through
_COSTLY: Final = 32
# the number of the build, in what `uname -v` says
_NUMBERED: Final = re.compile(r"\) #\d")


class Stretch(NamedTuple):
    """`length` bytes at a virtual address and at a physical one."""

    virtual: int
    physical: int
    length: int


@dataclass(frozen=True)
class Linux:
    """A recognised kernel. `image` or `direct` (virtual minus physical address) is None where the tables do not show it."""

    info: VmcoreInfo
    space: AddressSpace
    image: Stretch | None
    direct: int | None

    @property
    def release(self) -> str:
        """What `uname -r` says."""
        return self.info.values.get("OSRELEASE", "")

    @property
    def slide(self) -> int:
        """How far the kernel runs from where it was linked (KASLR)."""
        return self.info.hexadecimal("KERNELOFFSET") or 0

    def banner(self, memory: GuestMemory) -> str:
        """`Linux version …`, as the image has it; empty when it is not found."""
        if self.image is None:
            return ""
        mark = b"Linux version " + self.release.encode() + b" ("
        tail, second = b"", ""
        for at in range(0, min(self.image.length, _IMAGE), 1 << 20):
            try:
                piece = tail + memory.read(self.image.physical + at, min(1 << 20, self.image.length - at))
            except SnapfsError:
                tail = b""
                continue
            found = piece.find(mark)
            while found >= 0 and (end := piece.find(b"\n", found, found + 1024)) >= 0:
                line = piece[found:end].decode("utf-8", "replace")
                if _NUMBERED.search(line) and line.isprintable():
                    return line
                # builds of today have a first form without number, which the linker leaves beside the last
                second = second or (line if line.isprintable() else "")
                found = piece.find(mark, end)
            tail = piece[-1024:]
        return second


def search(memory: GuestMemory, vcpus: Iterable[Vcpu]) -> Generator[int, None, Linux | None]:
    """Returns the kernel that runs in the guest, or None when no VMCOREINFO in RAM proves itself. Looks through RAM once, and
    yields after each piece of work what it cost, in pieces of RAM."""
    registers = list(dict.fromkeys(_registers(memory, vcpus)))
    spaces = [paging.space(memory, r) for r in registers]
    second: tuple[VmcoreInfo, AddressSpace, int, int] | None = None
    for info in candidates(memory):
        yield 1
        if info is None or (proved := _proved(memory, info, registers)) is None:
            continue
        symbol, physical, space = proved
        found = info, space, symbol, physical
        if any(s.translate(symbol).physical == physical and not s.identity for s in spaces):
            return (yield from _linux(memory, *found))
        second = second or found
    return (yield from _linux(memory, *second)) if second else None


def _registers(memory: GuestMemory, vcpus: Iterable[Vcpu]) -> Iterator[paging.Paging]:
    """What the walks of all vCPUs start with; of a pair of page tables both."""
    for vcpu in vcpus:
        try:
            registers = vcpu.paging
        except SnapfsError:
            continue
        if registers is None:
            continue
        yield registers
        if found := pti.other_half(memory, registers):
            yield found[1]


def _proved(memory: GuestMemory, info: VmcoreInfo, registers: list[paging.Paging]) -> tuple[int, int, AddressSpace] | None:
    """The symbol of the top page table, its physical address and the address space; None when the table contradicts."""
    symbol = info.hexadecimal("SYMBOL(swapper_pg_dir)")
    if symbol is None or not 0 <= symbol < 1 << 64:
        return None
    for physical, start in _starts(info, symbol, registers):
        if not 0 <= physical < 1 << 52:
            continue
        space = paging.space(memory, start)
        if space.translate(symbol).physical == physical:
            return symbol, physical, space
    return None


def _starts(info: VmcoreInfo, symbol: int, registers: list[paging.Paging]) -> Iterable[tuple[int, paging.Paging]]:
    """Where the top table would be for each architecture whose values the note has, and what a walk from it starts with."""
    base = info.number("phys_base")
    if base is not None and symbol >= _START_KERNEL_MAP:
        root = symbol - _START_KERNEL_MAP + base
        five = 1 << 12 if info.number("pgtable_l5_enabled") else 0
        # PG; PAE; LME, LMA and NXE
        yield root, X86Paging(1 << 31, root, 1 << 5 | five, 1 << 8 | 1 << 10 | 1 << 11)
    voffset = info.number("kimage_voffset")
    if voffset is not None:
        root = symbol - voffset & (1 << 64) - 1
        for start in registers:
            if isinstance(start, Arm64Paging) and start.sctlr & 1:
                yield root, Arm64Paging(start.ttbr0, root, start.tcr, start.sctlr, start.el)
        # a kernel that was built for 52 bits has what its processor gives
        size = info.number("TCR_EL1_T1SZ")
        bits = info.number("VA_BITS") if size is None else 64 - size
        granule = {"4096": 2, "16384": 1, "65536": 3}.get(info.values.get("PAGESIZE", ""))
        if bits is not None and 16 < bits <= 52 and granule:
            # EPD0; T1SZ; TG1; DS, without which small granules translate 48 bits
            wide = 1 << 59 if bits > 48 and granule != 3 else 0
            yield root, Arm64Paging(0, root, 1 << 7 | (64 - bits) << 16 | granule << 30 | wide, 1, 1)
    offset = info.number("va_kernel_pa_offset")
    if offset is not None:
        root = symbol - offset & (1 << 64) - 1
        for mode in (8, 9, 10):
            yield root, RiscvPaging(mode << 60 | root >> 12, user=False)


def _linux(memory: GuestMemory, info: VmcoreInfo, space: AddressSpace, symbol: int, physical: int) -> Generator[int, None, Linux]:
    """Looks over the kernel's half of the tables: first around the symbol for the image, then for the direct map."""
    image = symbol - physical
    low, high = 0, 0
    for run in space.mappings(max(_HALF, symbol - _AROUND), min(END, symbol + _AROUND), budget=_LOOKED_AT):
        if run is None:
            yield _COSTLY
        elif run.start - run.physical == image:
            low, high = low or run.start, run.end
    weights: dict[int, int] = {}
    for run in space.mappings(_HALF, budget=_LOOKED_AT):
        if run is None:
            yield _COSTLY
            continue
        offset = run.start - run.physical
        large = run.end - run.start >= _HUGE or offset in weights
        if offset != image and large and len(weights) < _OFFSETS and memory.gap_at(run.physical) is None:
            weights[offset] = weights.get(offset, 0) + run.end - run.start
    direct = max(weights, key=lambda o: weights[o], default=None)
    if direct is not None and direct < 0:
        direct = None
    return Linux(info, space, Stretch(low, low - image, high - low) if high else None, direct)
