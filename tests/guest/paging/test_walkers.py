"""Our walks against walkers of another make, over random tables of every format: single addresses, and all that is enumerated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from random import Random

import pytest
from guest.paging import walkers
from guest.paging.tables import Ram
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import AddressError
from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, Mapping, letters
from snapfs.snapshot.vcpu.paging import Arm64Paging, RiscvPaging, X86Paging

TABLES = 7
Words = list[tuple[int, int, int, int]]

# hypothesis chooses a seed: tables that it would make up itself are nearly empty, and hardly a walk gets through them
SEEDS = st.integers(0, (1 << 32) - 1)


def words(seed: int) -> Words:
    """Table, slot (a few, so that walks meet), what the entry leads to (the last ones are no tables, one is no RAM), other bits."""
    dice = Random(seed)
    return [
        (t, at, dice.choice((dice.randrange(TABLES), dice.randrange(TABLES + 4))), dice.getrandbits(64))
        for t in range(TABLES)
        for at in range(4)
    ]


def probes(seed: int) -> list[tuple[bool, list[int], int]]:
    """Which half, which slot at each level from the top, and what is left of the address."""
    dice = Random(seed)
    return [(dice.random() < 0.5, [dice.randrange(4) for _ in range(5)], dice.randrange(1 << 12)) for _ in range(32)]


def slot(number: int, entries: int) -> int:
    return (0, 1, entries // 2, entries - 1)[number] % entries


def entry_in(ram: Ram) -> walkers.Entry:
    def read(address: int, width: int) -> int | None:
        try:
            return int.from_bytes(ram.read(address, width), "little")
        except AddressError:
            return None

    return read


def agree(s: AddressSpace, walk: Callable[[int], walkers.Found], probes: Sequence[int]) -> None:
    """One address after the other, and that the enumeration has those that are mapped and no others."""
    runs = [run for run in islice(s.mappings(), 400) if run is not None]
    complete = len(runs) < 399
    edges = [address for run in runs[:100] for address in (run.start, run.end - 1)]
    for address in (*probes, *edges, *(address ^ 1 << 12 for address in edges)):
        expected = walk(address)
        found = s.translate(address)
        told = (found.physical, found.page, letters(found.rights)) if found.physical is not None else None
        assert told == expected, hex(address)
        run = next((r for r in runs if r.start <= address < r.end), None)
        if run is not None:
            assert expected == (run.physical + address - run.start, run.page, run.permissions), hex(address)
        elif complete:
            assert expected is None, hex(address)
    if complete:
        reverse(s, runs, [found.physical for found in map(s.translate, probes) if found.physical is not None][:4])


def reverse(s: AddressSpace, runs: Sequence[Mapping], physical: Sequence[int]) -> None:
    """The enumeration of what leads to one page has the addresses that all runs together have."""
    for page in (*physical, 12 << 16):
        expected = [run.start + page - run.physical for run in runs if run.physical <= page < run.physical + run.end - run.start]
        assert [run.start for run in s.mappings(physical=page) if run is not None] == expected


def x86_word(target: int, bits: int, nx: bool) -> int:
    """An entry: present mostly, large now and then, with every right or without."""
    word = target << 12 | bits & 0x168 | (2 if bits >> 24 & 3 else 0) | (4 if bits >> 26 & 3 else 0) | (bits >> 12 & 7 != 0)
    if bits >> 16 & 15 == 0:
        word |= 0x80
    return word | (1 << 63 if nx and bits >> 20 & 7 == 0 else 0)


@given(SEEDS, st.booleans(), st.booleans())
def test_x86_with_4_and_5_levels(seed: int, five: bool, nxe: bool) -> None:
    ram = Ram(TABLES + 1 << 12)
    for table, at, target, bits in words(seed):
        ram.put((table << 12) + 8 * slot(at, 512), x86_word(target, bits, nxe))
    registers = X86Paging(1 << 31, 0, 1 << 5 | five << 12, 1 << 10 | nxe << 11)
    top = 57 if five else 48
    wanted = [
        sum(slot(at, 512) << shift for at, shift in zip(slots, (48, 39, 30, 21, 12), strict=True)) % (1 << top) | low
        for _, slots, low in probes(seed)
    ]
    wanted = [a | (walkers.ONES << top & walkers.ONES if a >> top - 1 else 0) for a in wanted] + [1 << top, 1 << top - 1]
    read = entry_in(ram)
    agree(paging.space(ram, registers), lambda a: walkers.x86_long(read, a, 0, five=five, nxe=nxe), wanted)


@given(SEEDS, st.booleans(), st.integers(0, 127))
def test_x86_with_3_levels(seed: int, nxe: bool, root: int) -> None:
    ram = Ram(TABLES + 1 << 12)
    for table, at, target, bits in words(seed):
        # the first table: four entries, anywhere in the lower 4 GiB, without rights
        if table:
            ram.put((table << 12) + 8 * slot(at, 512), x86_word(target, bits, nxe))
        else:
            ram.put(root * 32 + 8 * at, target << 12 | bits & 1)
    registers = X86Paging(1 << 31, root * 32, 1 << 5, nxe << 11)
    wanted = [slots[0] << 30 | slot(slots[1], 512) << 21 | slot(slots[2], 512) << 12 | low for _, slots, low in probes(seed)]
    read = entry_in(ram)
    agree(paging.space(ram, registers), lambda a: walkers.x86_pae(read, a, root * 32, nxe=nxe), [*wanted, 1 << 32])


@given(SEEDS, st.booleans())
def test_x86_with_2_levels(seed: int, pse: bool) -> None:
    ram = Ram(TABLES + 1 << 12)
    for table, at, target, bits in words(seed):
        ram.put(
            (table << 12) + 4 * slot(at, 1024), x86_word(target, bits, False) & 0xFFFF_FFFF | bits & 0x1FE000 * (target > TABLES), width=4
        )
    registers = X86Paging(1 << 31, 0, pse << 4, 0)
    wanted = [slot(slots[0], 1024) << 22 | slot(slots[1], 1024) << 12 | low for _, slots, low in probes(seed)]
    read = entry_in(ram)
    agree(paging.space(ram, registers), lambda a: walkers.x86_32(read, a, 0, pse=pse), [*wanted, 1 << 32])


GRANULES = st.sampled_from([12, 14, 16])
SIZES = st.integers(16, 39)


@given(SEEDS, st.tuples(GRANULES, SIZES), st.tuples(GRANULES, SIZES), st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 3))
def test_aarch64_with_two_halves_of_any_size_and_granule(
    seed: int,
    lower: tuple[int, int],
    upper: tuple[int, int],
    off: int,
    together: bool,
    plain: bool,
    dirty: int,
) -> None:
    ram = Ram(TABLES + 1 << 16)
    for table, at, target, bits in words(seed):
        # pages of 4K and of 64K at one place: slots of both
        kind = 1 if bits >> 32 & 7 == 0 else 3
        word = target << 16 | bits & 0x0078_0000_0000_0FC0 | (bits & 31 << 59 if bits >> 40 & 1 else 0) | (kind if bits >> 36 & 7 else 0)
        for bits_ in {lower[0], upper[0]}:
            ram.put((table << 16) + 8 * slot(at, 1 << bits_ - 3), word)
        ram.put((table << 16) + 8 * at, word)
    tg0, tg1 = {12: 0, 14: 2, 16: 1}, {12: 2, 14: 1, 16: 3}
    tcr = lower[1] | upper[1] << 16 | tg0[lower[0]] << 14 | tg1[upper[0]] << 30
    tcr |= (off == 1) << 7 | (off == 2) << 23 | (3 << 41 if plain else 0) | dirty << 39
    ttbr1 = 0 if together else 1 << 16
    read = entry_in(ram)
    wanted = []
    for high, slots, low in probes(seed):
        page, size = upper if high else lower
        shifts = list(range(page, 64 - size, page - 3))[::-1]
        address = sum(slot(at, 1 << page - 3) << shift for at, shift in zip(slots, shifts, strict=False)) % (1 << 64 - size) | low
        wanted.append(address | (walkers.ONES << 64 - size & walkers.ONES if high else 0))
    s = paging.space(ram, Arm64Paging(0, ttbr1, tcr, 1, 1))
    agree(s, lambda a: walkers.aarch64(read, a, 0, ttbr1, tcr), [*wanted, 1 << 50, walkers.ONES ^ 1 << 50])


@pytest.mark.parametrize("mode", [8, 9, 10])
@given(seed=SEEDS)
def test_riscv64(mode: int, seed: int) -> None:
    ram = Ram(TABLES + 1 << 12)
    for table, at, target, bits in words(seed):
        kind = bits >> 12 & 15
        rights = 1 if kind > 4 else bits & 0xE | (kind != 0)
        word = target << 10 | bits & 0x3F0 | rights
        if kind == 1:
            word = bits >> 20 << 28 & (1 << 54) - 1 | word & 0x3FF  # aligned to 1 GiB: superpages
        if kind == 2 and bits >> 20 & 1:
            word = word & 0x3FF | (target << 4 | 8) << 10 | 1 << 63
        ram.put((table << 12) + 8 * slot(at, 512), word)
    top = {8: 39, 9: 48, 10: 57}[mode]
    wanted = [
        sum(slot(at, 512) << shift for at, shift in zip(slots, (48, 39, 30, 21, 12), strict=True)) % (1 << top) | low
        for _, slots, low in probes(seed)
    ]
    wanted = [a | (walkers.ONES << top & walkers.ONES if a >> top - 1 else 0) for a in wanted] + [1 << top]
    read = entry_in(ram)
    agree(paging.space(ram, RiscvPaging(mode << 60, user=False)), lambda a: walkers.riscv64(read, a, mode << 60), wanted)
