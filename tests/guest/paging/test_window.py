"""Windows of virtual memory over tables written by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from guest.paging.tables import Ram
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import AddressError
from snapfs.guest import paging
from snapfs.guest.paging import VirtualWindow
from snapfs.snapshot.memory import GuestMemory, MemoryManagerState
from snapfs.snapshot.source import Source
from snapfs.snapshot.vcpu.paging import X86Paging

PAGE = 4096
REGISTERS = X86Paging(1 << 31, 0x1000, 1 << 5, 1 << 10 | 1 << 11)


def guest(directory: Path, ram: Ram) -> GuestMemory:
    (directory / "state.json").write_text("{}")
    (directory / "memory-ranges").write_bytes(ram.data)
    rows = [{"gpa": 0, "length": len(ram.data)}]
    return GuestMemory(Source(directory), MemoryManagerState.read({"memory_ranges": {"data": rows}}, "test"))


@given(
    pages=st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=1, max_size=24),
    start=st.integers(0, 24 * PAGE),
    size=st.integers(1, 24 * PAGE),
    offset=st.integers(0, 24 * PAGE),
    length=st.integers(0, 24 * PAGE),
)
def test_a_window_is_the_pages_that_are_mapped(
    tmp_path_factory: pytest.TempPathFactory, pages: list[int | None], start: int, size: int, offset: int, length: int
) -> None:
    ram = Ram(32 * PAGE)
    for n in range(8, 32):
        ram.data[n * PAGE : (n + 1) * PAGE] = bytes([n]) * PAGE
    ram.put(0x1000, 0x2003)
    ram.put(0x2000, 0x3003)
    ram.put(0x3000, 0x4003)
    # pages 32 to 40 are beyond the end of RAM
    ram.put(0x4000, *[0 if page is None else page << 12 | 1 for page in pages])
    memory = guest(tmp_path_factory.mktemp("ram"), ram)
    window = VirtualWindow(paging.space(memory, REGISTERS), memory, start, size)
    whole: list[int | None] = []
    for page in pages:
        there = page is not None and page < 32
        whole += list(ram.data[page * PAGE : (page + 1) * PAGE]) if there and page is not None else [None] * PAGE
    whole = (whole + [None] * (50 * PAGE))[start : start + size]
    expected = whole[offset : offset + length]
    until = expected.index(None) if None in expected else len(expected)
    if expected and until == 0:
        with pytest.raises(AddressError):
            window.pread(offset, length)
    else:
        assert list(window.pread(offset, length)) == expected[:until]
        seen = list(window.view(offset, length))
        assert seen == expected[: len(seen)]
        assert bool(seen) == bool(expected)
    at = 0
    for extent in window.extents():
        assert extent.start == at
        assert (extent.kind == "gap") == (whole[extent.start] is None) == (whole[extent.end - 1] is None)
        at = extent.end
    assert at == size


def test_looking_over_a_window_of_hostile_tables_takes_no_time(tmp_path: Path) -> None:
    ram = Ram()
    ram.fill(0x1000, 0x1003)
    memory = guest(tmp_path, ram)
    window = VirtualWindow(paging.space(memory, REGISTERS), memory, 0, 1 << 48)
    started = time.monotonic()
    seen = 0
    for extent in window.extents():
        seen = extent.end
        if extent.start > 1 << 20:
            break
    assert seen
    assert len(window.pread(1 << 40, 8192)) == 8192
    assert time.monotonic() - started < 60
