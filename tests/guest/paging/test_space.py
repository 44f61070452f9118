"""Walks over tables that a hostile or damaged guest may have, and the law that enumeration and translation agree."""

from __future__ import annotations

import itertools
import time

from guest.paging.tables import Ram
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace
from snapfs.snapshot.vcpu.paging import Arm64Paging, RiscvPaging, X86Paging

LONG = (1 << 31, 1 << 5, 1 << 10 | 1 << 11)


def space(ram: Ram, cr3: int = 0x1000) -> AddressSpace:
    return paging.space(ram, X86Paging(LONG[0], cr3, LONG[1], LONG[2]))


# entries that lead among eight tables, map small and huge pages, or lead out of memory
ENTRIES = st.tuples(st.integers(0, 511), st.integers(0, 9), st.sampled_from([1, 3, 7, 0x83, 0x87, 0x107, 0x8000000000000003]))


@given(st.lists(st.lists(ENTRIES, max_size=6), min_size=8, max_size=8), st.lists(st.integers(0, (1 << 47) - 1), max_size=8))
def test_the_runs_are_exactly_what_translates(tables: list[list[tuple[int, int, int]]], probes: list[int]) -> None:
    ram = Ram(8 << 12)
    for n, entries in enumerate(tables):
        for slot, target, bits in entries:
            ram.put((n << 12) + 8 * slot, target << 12 | bits)
    s = space(ram)
    runs = []
    for count, run in enumerate(s.mappings()):
        if run is not None:
            runs.append(run)
        if count > 2000:
            return
    assert all(a.end <= b.start for a, b in itertools.pairwise(runs))
    probes += [p for run in runs for p in (run.start, run.end - 1, run.start - 1, run.end)]
    for address in probes:
        if not 0 <= address < 1 << 64:
            continue
        inside = next((r for r in runs if r.start <= address < r.end), None)
        found = s.translate(address)
        assert found.physical == (inside.physical + address - inside.start if inside else None)
        if inside:
            assert (found.page, found.rights) == (inside.page, inside.rights)


@given(st.integers(0, 1 << 23), st.integers(1, 1 << 23))
def test_a_part_of_the_runs_is_cut_at_both_ends(low: int, length: int) -> None:
    ram = Ram()
    ram.put(0x1000, 0x2003)
    ram.put(0x2000, 0x3003)
    ram.put(0x3000, 0x4003, 0x60_0083)
    ram.put(0x4000, *[0x10_0003 + 0x2000 * n for n in range(512)])
    s = space(ram)
    runs = [r for r in s.mappings(low, low + length) if r]
    assert all(low <= r.start < r.end <= low + length for r in runs)
    for r in runs:
        assert s.translate(r.start).physical == r.physical
    assert sum(r.end - r.start for r in runs) == max(0, min(low + length, 4 << 20) - low)


def test_2_to_the_36_paths_to_an_empty_table_are_looked_at_once() -> None:
    ram = Ram()
    for n in range(1, 4):
        ram.fill(n << 12, n + 1 << 12 | 7)
    started = time.monotonic()
    runs = list(space(ram).mappings())
    assert [r for r in runs if r] == []
    assert time.monotonic() - started < 30


class Counted(Ram):
    """Memory that counts how often it is read."""

    reads = 0

    def read(self, gpa: int, length: int) -> bytes:
        self.reads += 1
        return super().read(gpa, length)


def test_2_to_the_36_paths_to_one_full_table_cost_what_comes_out() -> None:
    ram = Counted()
    for n in range(1, 5):
        ram.fill(n << 12, n + 1 << 12 | 7)
    for n in range(512):
        ram.put(0x4000 + 8 * n, (n * 2 % 509 + 16) << 12 | 7)  # no two pages in a row
    s = space(ram)
    found = [run for run in itertools.islice(s.mappings(), 1 << 16) if run]
    assert [run.start >> 12 for run in found] == list(range(len(found)))
    assert all(run.physical >> 12 == (n % 512) * 2 % 509 + 16 for n, run in enumerate(found[:5000]))
    assert ram.reads <= 4
    looked = s.mappings(physical=0x5000)
    assert [run for run in looked if run] == []
    assert not looked.stopped
    several = [run.start >> 12 for run in itertools.islice(s.mappings(physical=16 << 12), 5) if run]
    assert several == [0, 509, 512, 1021, 1024]  # 2n mod 509 is 0 twice in a table


def test_one_address_of_many_in_a_table_is_looked_up_in_reverse_to_the_byte() -> None:
    ram = Ram()
    ram.put(0x1000, 0x2003)
    ram.put(0x2000, 0x3003)
    ram.put(0x3000, 0x4003, 0x60_0083)
    ram.put(0x4000, *[0x10_0003 + (n << 12) for n in range(512)])
    assert [r.start for r in space(ram).mappings(physical=0x10_5123) if r] == [0x5123]
    assert [r.start for r in space(ram).mappings(physical=0x60_0001) if r] == [0x20_0001]


def test_a_full_table_that_leads_to_itself_ends_and_says_so() -> None:
    ram = Ram()
    ram.fill(0x1000, 0x1007)
    found = space(ram).mappings(budget=1 << 20)
    count = sum(1 for r in found if r)
    assert count <= (1 << 20) + found.BREATH
    assert "stopped" in found.stopped


def test_enumeration_gives_a_sign_of_life_where_nothing_ends() -> None:
    ram = Ram(4 << 20)
    ram.put(0x1000, 0x2003)
    ram.put(0x2000, 0x3003)
    for n in range(512):
        ram.put(0x3000 + 8 * n, 0x10_0003 + (n << 12))
        ram.put(0x10_0000 + (n << 12), *[(n << 21) + (k << 12) + 3 for k in range(512)])
    found = list(space(ram).mappings())
    assert found[-1] == (0, 1 << 30, 0, found[-1].rights, 4096)  # type: ignore[union-attr]
    assert found.count(None) >= 1


def test_a_table_outside_ram_ends_the_walk_and_is_counted() -> None:
    ram = Ram()
    ram.put(0x1000, 0x7FFF_F000 | 7)
    s = space(ram)
    assert s.translate(0x5000).reason == "table outside RAM"
    runs = s.mappings()
    assert [r for r in runs if r] == []
    assert runs.missing == 1
    assert space(ram, 0xFFFF_F000).translate(0).steps[0].entry is None


WORDS = st.one_of(
    st.sampled_from([0, 1, 3, 7, 0x83, 1 << 63 | 0x403, (1 << 64) - 1]),
    st.builds(lambda page, bits: page << 12 | bits, st.integers(0, 9), st.integers(0, 0xFFF)),
    st.builds(lambda page, bits: page << 10 | bits, st.integers(0, 9), st.integers(0, 0x3FF)),
    st.integers(0, (1 << 64) - 1),
)
U64 = st.integers(0, (1 << 64) - 1)
REGISTERS = st.one_of(
    st.builds(X86Paging, st.just(1 << 31), U64, U64, U64),
    st.builds(Arm64Paging, st.sampled_from([0, 0x1000]), st.sampled_from([0, 0x2000]), U64, st.just(1), st.just(1)),
    st.builds(lambda mode: RiscvPaging(mode << 60 | 1, user=False), st.integers(0, 15)),
)


@given(REGISTERS, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 511), WORDS), max_size=40), st.lists(U64, max_size=5))
def test_any_registers_over_any_tables_end_in_an_answer(
    registers: paging.Paging, words: list[tuple[int, int, int]], probes: list[int]
) -> None:
    ram = Ram(9 << 12)
    for table, slot, word in words:
        ram.put((table << 12) + 8 * slot, word)
    s = paging.space(ram, registers)
    assert s.mode
    for address in (*probes, 0, (1 << 64) - 1, 1 << 47):
        found = s.translate(address)
        assert (found.physical is None) == bool(found.reason)
        assert len(found.steps) <= 5
    last = 0
    for run in s.mappings(budget=1 << 17):
        if run is not None:
            assert last <= run.start < run.end <= 1 << 64
            last = run.end
            assert s.translate(run.start).physical == run.physical
            assert s.translate(run.end - 1).physical == run.physical + run.end - 1 - run.start


def test_a_table_that_cannot_be_read_any_more_ends_the_walk_with_the_reason() -> None:
    class Cut(Ram):
        def read(self, gpa: int, length: int) -> bytes:
            if gpa >= 0x3000:
                raise CorruptState("memory-ranges: cut while in use")
            return super().read(gpa, length)

    ram = Cut()
    ram.put(0x1000, 0x2003)
    ram.put(0x2000, 0x3003, 0x4000_0083)
    s = space(ram)
    assert s.translate(0).reason == "table cannot be read: memory-ranges: cut while in use"
    runs = s.mappings()
    assert [run.start for run in runs if run] == [1 << 30]
    assert runs.missing == 1
