"""A kernel is believed when its own page tables prove it: synthetic guests, among them hostile ones."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from snapfs.guest import linux
from snapfs.guest.linux import Linux
from snapfs.guest.vmcoreinfo import MOST
from snapfs.snapshot.component import Component
from snapfs.snapshot.memory import GuestMemory, MemoryManagerState
from snapfs.snapshot.source import Source
from snapfs.snapshot.vcpu import Vcpu
from snapfs.snapshot.vcpu.paging import Arm64Paging, Paging, X86Paging

PAGE = 4096
RAM = 16 << 20
START_KERNEL_MAP = 0xFFFF_FFFF_8000_0000


def note(lines: Mapping[str, str]) -> bytes:
    """The note as kernel/vmcore_info.c makes it: name and contents padded to 4 bytes."""
    text = "".join(f"{k}={v}\n" for k, v in lines.items()).encode()
    return struct.pack("<III", 11, len(text), 0) + b"VMCOREINFO\0\0" + text


class Guest:
    """RAM of 16 MiB, from `base` on, into which a kernel can be put."""

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self.ram = bytearray(RAM)

    def put(self, address: int, data: bytes) -> None:
        self.ram[address - self.base : address - self.base + len(data)] = data

    def entry(self, table: int, index: int, value: int) -> None:
        self.put(table + 8 * index, value.to_bytes(8, "little"))

    def x86(
        self, physical: int, slide: int, *, root: int, five: bool = False, note_at: int | None = None, direct: int | None = None
    ) -> None:
        """A kernel of 2 MiB whose image is at `physical` and runs `slide` bytes above 0xffffffff81000000."""
        image = START_KERNEL_MAP + 0x100_0000 + slide
        at = root
        if five:
            self.entry(at, 511, at + 0x10003)
            at += 0x10000
        self.entry(at, 511, at + 0x1003)
        self.entry(at + 0x1000, image >> 30 & 511, at + 0x2003)
        self.entry(at + 0x2000, image >> 21 & 511, physical | 0x183)
        where = direct if direct is not None else (0xFF11_0000_0000_0000 if five else 0xFFFF_8880_0000_0000)
        self.entry(root if five else at, where >> (48 if five else 39) & 511, at + 0x3003)
        if five:
            self.entry(at + 0x3000, where >> 39 & 511, at + 0x4003)
        table = at + 0x4000 if five else at + 0x3000
        self.entry(table, where >> 30 & 511, at + 0x5003)
        for n in range(RAM >> 21):
            self.entry(at + 0x5000, n, n << 21 | 0x8000000000000183)
        self.put(physical + 0x300, b"Linux version 6.9.1 (me@here) (gcc) # SMP\n\0Linux version 6.9.1 (me@here) (gcc) #7 SMP\n\0")
        if note_at is not None:
            self.put(note_at, note(self.lines(physical, slide, root, five=five)))

    @staticmethod
    def lines(physical: int, slide: int, root: int, *, five: bool = False) -> dict[str, str]:
        base = physical - 0x100_0000 - slide
        symbol = root - base + START_KERNEL_MAP
        return {
            "OSRELEASE": "6.9.1",
            "BUILD-ID": "00112233445566778899aabbccddeeff00112233",
            "PAGESIZE": "4096",
            "SYMBOL(swapper_pg_dir)": f"{symbol:x}",
            "NUMBER(phys_base)": str(base),
            "NUMBER(pgtable_l5_enabled)": str(int(five)),
            "KERNELOFFSET": f"{slide:x}",
        }

    def find(self, directory: Path, *registers: Paging) -> Linux | None:
        (directory / "state.json").write_text("{}")
        (directory / "memory-ranges").write_bytes(self.ram)
        rows = [{"gpa": self.base, "length": RAM}]
        memory = GuestMemory(Source(directory), MemoryManagerState.read({"memory_ranges": {"data": rows}}, "test"))
        steps = linux.search(memory, [Cpu(n, r) for n, r in enumerate(registers)])
        try:
            while True:
                next(steps)
        except StopIteration as end:
            self.memory = memory
            return end.value  # type: ignore[no-any-return]


class Cpu(Vcpu):
    """A vCPU that knows its page tables."""

    def __init__(self, number: int, registers: Paging) -> None:
        super().__init__(number, Component({}))
        self._registers = registers

    @property
    def paging(self) -> Paging:
        return self._registers


def cr3(root: int) -> X86Paging:
    return X86Paging(1 << 31, root, 1 << 5, 1 << 10 | 1 << 11)


@pytest.mark.parametrize("slide", [0, 0x1E00_0000])
@pytest.mark.parametrize("five", [False, True])
def test_a_kernel_that_was_moved_is_found_where_it_is(tmp_path: Path, slide: int, five: bool) -> None:
    guest = Guest()
    guest.x86(0x20_0000, slide, root=0x21_0000, five=five, note_at=0x80_0000)
    kernel = guest.find(tmp_path)
    assert kernel is not None
    assert (kernel.release, kernel.slide) == ("6.9.1", slide)
    assert kernel.image == (START_KERNEL_MAP + 0x100_0000 + slide, 0x20_0000, 2 << 20)
    assert kernel.direct == (0xFF11_0000_0000_0000 if five else 0xFFFF_8880_0000_0000)
    assert kernel.banner(guest.memory) == "Linux version 6.9.1 (me@here) (gcc) #7 SMP"
    assert kernel.info.address == 0x80_0000 + 24


def test_a_direct_map_at_a_random_place_is_found_by_what_it_maps(tmp_path: Path) -> None:
    guest = Guest()
    guest.x86(0x20_0000, 0, root=0x21_0000, note_at=0x80_0000, direct=0xFFFF_9D57_C000_0000)
    kernel = guest.find(tmp_path)
    assert kernel is not None
    assert kernel.direct == 0xFFFF_9D57_C000_0000


def test_a_note_across_the_border_of_two_pieces_is_found(tmp_path: Path) -> None:
    for back in (4, 12, 20, 30):
        guest = Guest()
        guest.x86(0x20_0000, 0, root=0x21_0000, note_at=(4 << 20) - back)
        assert guest.find(tmp_path) is not None, back


def test_notes_that_do_not_prove_themselves_are_not_believed(tmp_path: Path) -> None:
    guest = Guest()
    good = Guest.lines(0x20_0000, 0, 0x21_0000)
    guest.put(0x10_0000, note(good))  # nothing of what it says is there
    guest.put(0x20_0000, note(good | {"NUMBER(phys_base)": "9" * 200}))
    guest.put(0x30_0000, note(good | {"SYMBOL(swapper_pg_dir)": "-1"}))
    guest.put(0x40_0000, note({"OSRELEASE": "none at all, but long enough"}))
    guest.put(0x50_0000, struct.pack("<III", 11, 0xFFFF_FFFF, 0) + b"VMCOREINFO\0\0OSRELEASE=x\n")
    assert guest.find(tmp_path) is None


def test_the_kernel_that_a_vcpu_runs_is_preferred_to_an_older_one(tmp_path: Path) -> None:
    guest = Guest()
    guest.x86(0x20_0000, 0x200_0000, root=0x21_0000, note_at=0x80_0000)
    guest.x86(0x60_0000, 0x400_0000, root=0x61_0000, note_at=0x90_0000)
    for root, slide in ((0x61_0000, 0x400_0000), (0x21_0000, 0x200_0000)):
        kernel = guest.find(tmp_path, cr3(root))
        assert kernel is not None
        assert kernel.slide == slide
    alone = guest.find(tmp_path)
    assert alone is not None
    assert alone.slide == 0x200_0000


def test_ram_full_of_forged_notes_ends_in_an_answer(tmp_path: Path) -> None:
    guest = Guest()
    forged = note(Guest.lines(0x20_0000, 0, 0x21_0000) | {"SYMBOL(swapper_pg_dir)": "ffffffff81000000"})
    for n in range(2 * MOST):
        guest.put(n * 1024, forged)
    assert guest.find(tmp_path) is None


def test_an_aarch64_kernel_is_found_through_its_own_numbers(tmp_path: Path) -> None:
    guest = Guest(base=0x4000_0000)
    root, image = 0x4080_0000, 0xFFFF_8000_8000_0000
    guest.entry(root, 256, 0x4080_1003)
    guest.entry(0x4080_1000, 2, 0x4080_2003)
    for n in range(4):
        guest.entry(0x4080_2000, n, 0x4040_0000 + (n << 21) | 0x401)
    guest.entry(root, 0, 0x4080_3003)
    guest.entry(0x4080_3000, 0, 0x4080_4003)
    for n in range(RAM >> 21):
        guest.entry(0x4080_4000, n, 0x4000_0000 + (n << 21) | 0x401 | 3 << 53)
    symbol = image + root - 0x4040_0000
    lines = {
        "OSRELEASE": "6.9.1",
        "PAGESIZE": "4096",
        "SYMBOL(swapper_pg_dir)": f"{symbol:x}",
        "NUMBER(VA_BITS)": "48",
        "NUMBER(kimage_voffset)": f"0x{image - 0x4040_0000:x}",
        "KERNELOFFSET": "0",
    }
    guest.put(0x4000_5000, note(lines))
    for registers in ((), (Arm64Paging(0, root, 16 | 16 << 16 | 2 << 30, 1, 1),), (Arm64Paging(0, 0, 0, 0, 1),)):
        kernel = guest.find(tmp_path, *registers)
        assert kernel is not None
        assert kernel.image == (image, 0x4040_0000, 8 << 20)
        assert kernel.direct == 0xFFFF_0000_0000_0000 - 0x4000_0000


@pytest.mark.parametrize(("page", "granule"), [(0x1000, 2), (0x4000, 1)])
@pytest.mark.parametrize("bits", [48, 52])
def test_an_aarch64_kernel_for_52_bits_is_found_by_what_its_processor_has(tmp_path: Path, page: int, granule: int, bits: int) -> None:
    """CONFIG_ARM64_VA_BITS_52 with and without LPA2, in snapshots that lack the registers of translation (MSHV) or of a program."""
    guest = Guest(base=0x4000_0000)
    image, physical, tables = 0xFFFF_8000_8000_0000, 0x4040_0000, 0x4080_0000
    per = (page >> 3).bit_length() - 1
    shifts = range(page.bit_length() - 1, bits, per)
    root = at = tables
    for n, shift in enumerate(reversed(shifts)):
        index = (image & (1 << bits) - 1) >> shift & (1 << per) - 1
        if n == len(shifts) - 1:
            for k in range(16):
                # the root is where the image ends, so that it maps itself
                guest.entry(at, index + k, (physical + k * page if k < 15 else root) | 0x403)
        else:
            guest.entry(at, index, at + page | 3)
            at += page
    lines = {
        "OSRELEASE": "6.9.1",
        "PAGESIZE": str(page),
        "SYMBOL(swapper_pg_dir)": f"{image + 15 * page:x}",
        "NUMBER(VA_BITS)": "52",
        "NUMBER(TCR_EL1_T1SZ)": f"0x{64 - bits:x}",
        "NUMBER(kimage_voffset)": f"0x{image + 15 * page - root:x}",
        "KERNELOFFSET": "0",
    }
    guest.put(0x4000_5000, note(lines))
    tcr = 64 - bits | 64 - bits << 16 | granule << 30 | (1 << 59 if bits == 52 else 0)
    for registers in ((), (Arm64Paging(0, root - 2 * page, tcr, 1, 0),)):
        kernel = guest.find(tmp_path, *registers)
        assert kernel is not None
        assert kernel.space.translate(image).physical == physical


def test_a_riscv64_kernel_is_found_through_its_own_numbers(tmp_path: Path) -> None:
    guest = Guest(base=0x8000_0000)
    root, image = 0x8080_0000, 0xFFFF_FFFF_8000_0000

    def pte(address: int, bits: int) -> int:
        return address >> 12 << 10 | bits

    # Sv39: the image at the top, the direct map at PAGE_OFFSET (linux, Documentation/arch/riscv/vm-layout.rst)
    guest.entry(root, 510, pte(0x8080_1000, 1))
    guest.entry(root, 0x160, pte(0x8080_2000, 1))
    for n in range(3):
        guest.entry(0x8080_1000, n, pte(0x8020_0000 + (n << 21), 0xEF))
    guest.entry(0x8080_1000, 3, pte(root, 0xE7))
    for n in range(RAM >> 21):
        guest.entry(0x8080_2000, n, pte(0x8000_0000 + (n << 21), 0xE7))
    lines = {
        "OSRELEASE": "6.9.1",
        "PAGESIZE": "4096",
        "SYMBOL(swapper_pg_dir)": f"{image + 0x60_0000:x}",
        "NUMBER(va_kernel_pa_offset)": f"0x{image - 0x8020_0000:x}",
    }
    guest.put(0x8000_5000, note(lines))
    kernel = guest.find(tmp_path)
    assert kernel is not None
    assert kernel.space.mode == "Sv39"
    assert kernel.image == (image, 0x8020_0000, 8 << 20)
    assert kernel.direct == 0xFFFF_FFD8_0000_0000 - 0x8000_0000
