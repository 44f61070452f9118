"""The census against a plain count of all pages."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from corpus import demo, full
from hypothesis import given
from hypothesis import strategies as st

import snapfs
from snapfs.snapshot.census import PAGE, Census
from snapfs.snapshot.memory import GuestMemory, MemoryManagerState
from snapfs.snapshot.source import Source


def memory(directory: Path, *ranges: bytes) -> GuestMemory:
    (directory / "state.json").write_text("{}")
    (directory / "memory-ranges").write_bytes(b"".join(ranges))
    rows = [{"gpa": n << 32, "length": len(data)} for n, data in enumerate(ranges)]
    return GuestMemory(Source(directory), MemoryManagerState.read({"memory_ranges": {"data": rows}}, "test"))


@given(pages=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_page_is_counted_as_what_it_is(tmp_path_factory: pytest.TempPathFactory, pages: list[list[int]]) -> None:
    contents = [bytes([n]) * PAGE for n in range(6)]
    ranges = [b"".join(contents[n] for n in numbers) for numbers in pages]
    copies = Counter(n for numbers in pages for n in numbers)
    census = Census(memory(tmp_path_factory.mktemp("ram"), *ranges))
    list(census)
    for row, numbers in zip(census.rows, pages, strict=True):
        assert row.hole + row.zero == numbers.count(0)
        assert row.same == sum(n > 0 and copies[n] > 1 for n in numbers)
        assert row.unique == sum(n > 0 and copies[n] == 1 for n in numbers)
        assert row.missing == 0


def test_the_estimate_of_many_contents_is_near_the_truth(tmp_path: Path) -> None:
    # 4000 contents of their own and 2000 that two pages have
    numbers = [*range(1, 6001), *range(4001, 6001)]
    census = Census(memory(tmp_path, b"".join(n.to_bytes(4, "little") * (PAGE // 4) for n in numbers)), kept=2000)
    list(census)
    (row,) = census.rows
    assert census.sampled > 1
    assert row.same + row.unique == 8000
    assert 3000 < row.same < 5000


def test_zeros_that_are_stored_are_told_from_holes(tmp_path: Path) -> None:
    ram = memory(tmp_path, bytes(16 * PAGE) + b"x" * PAGE)
    with (tmp_path / "memory-ranges").open("r+b") as file:
        file.seek(64 * PAGE)
        file.write(bytes(PAGE))
    state = MemoryManagerState.read({"memory_ranges": {"data": [{"gpa": 0, "length": 65 * PAGE}]}}, "test")
    census = Census(GuestMemory(Source(tmp_path), state))
    list(census)
    (row,) = census.rows
    assert (row.zero, row.hole, row.unique, row.missing) == (17, 47, 1, 0)
    assert ram.by_address


def test_what_the_file_lacks_is_missing(tmp_path: Path) -> None:
    memory(tmp_path, b"x" * 3 * PAGE)
    state = MemoryManagerState.read({"memory_ranges": {"data": [{"gpa": 0, "length": 8 * PAGE}]}}, "test")
    census = Census(GuestMemory(Source(tmp_path), state))
    list(census)
    assert [(r.same, r.missing) for r in census.rows] == [(3, 5)]


def test_the_demo_has_as_many_pages_as_its_readme_says() -> None:
    with snapfs.open(demo()) as snap:
        census = Census(snap.memory)
        list(census)
        (row,) = census.rows
        assert row.pages == 4096
        assert row.stored == 54


@pytest.mark.parametrize("name", ["v53.0-x86_64-small", "v38.0-aarch64-linux"])
def test_a_real_guests_census_is_that_of_a_plain_count(name: str) -> None:
    with snapfs.open(full(name)) as snap:
        counted: Counter[bytes] = Counter()
        for r in snap.memory.ranges:
            for at in range(r.start, r.end, 1 << 20):
                data = snap.memory.read(at, 1 << 20)
                counted.update(data[n : n + PAGE] for n in range(0, 1 << 20, PAGE))
        census = Census(snap.memory)
        list(census)
        zeros = counted.pop(bytes(PAGE))
        assert sum(r.hole + r.zero for r in census.rows) == zeros
        assert sum(r.same for r in census.rows) == sum(n for n in counted.values() if n > 1)
        assert sum(r.unique for r in census.rows) == sum(n == 1 for n in counted.values())
