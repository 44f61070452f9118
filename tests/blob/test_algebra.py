"""The laws of all blobs, on trees of blobs put together at random, against plain lists of bytes."""

from __future__ import annotations

import atexit
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.blob import Blob, Concat, Cursor, Data, Deferred, File, FileSlice, Gap, Window, Zeros, concat, seek, settle
from snapfs.errors import AddressError, CannotOpen, CorruptState

# a byte, or None where there is none
Whole = list[int | None]

_scratch = tempfile.TemporaryDirectory(prefix="snapfs-blobs-")
_BLOCK = 4096


def _sparse() -> File:
    """A file of a hole, data, stored zeros, a hole and data."""
    path = Path(_scratch.name) / "sparse"
    with path.open("wb") as file:
        file.seek(2 * _BLOCK)
        file.write(os.urandom(_BLOCK) + bytes(_BLOCK))
        file.seek(7 * _BLOCK)
        file.write(b"tail")
    return File.open(str(path))


SPARSE = _sparse()
atexit.register(SPARSE.close)
CONTENT: Whole = list((Path(_scratch.name) / "sparse").read_bytes())


def _data(data: bytes) -> tuple[Blob, Whole]:
    return Data(data), list(data)


def _zeros(size: int) -> tuple[Blob, Whole]:
    return Zeros(size), [0] * size


def _gap(size: int) -> tuple[Blob, Whole]:
    return Gap(size, "not there"), [None] * size


def _deferred(size: int, data: bytes) -> tuple[Blob, Whole]:
    return Deferred(size, lambda: data), list(data[:size].ljust(size, b"\0"))


def _file(start: int, size: int) -> tuple[Blob, Whole]:
    size = min(size, SPARSE.size - start)
    return FileSlice(SPARSE, start, size), CONTENT[start : start + size]


def _concat(parts: list[tuple[Blob, Whole]]) -> tuple[Blob, Whole]:
    return Concat(blob for blob, _ in parts), [byte for _, whole in parts for byte in whole]


def _window(part: tuple[Blob, Whole], start: int, size: int) -> tuple[Blob, Whole]:
    return Window(part[0], start, size), part[1][start : start + size]


SMALL = st.integers(0, 40)
LEAVES = st.one_of(
    st.builds(_data, st.binary(max_size=40)),
    st.builds(_zeros, SMALL),
    st.builds(_gap, SMALL),
    st.builds(_deferred, SMALL, st.binary(max_size=50)),
    st.builds(_file, st.integers(0, SPARSE.size), st.integers(0, 3 * _BLOCK)),
)
BLOBS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.builds(_concat, st.lists(inner, max_size=5)), st.builds(_window, inner, SMALL, st.integers(0, 200))),
    max_leaves=8,
)
OFFSETS = st.integers(0, 5 * _BLOCK)


@given(BLOBS, OFFSETS, OFFSETS)
def test_reading_gives_the_slice_of_the_whole_up_to_a_gap(made: tuple[Blob, Whole], offset: int, length: int) -> None:
    blob, whole = made
    assert blob.size == len(whole)
    expected = whole[offset : offset + length]
    until = expected.index(None) if None in expected else len(expected)
    if expected and until == 0:
        with pytest.raises(AddressError, match="not there"):
            blob.pread(offset, length)
        with pytest.raises(AddressError, match="not there"):
            blob.view(offset, length)
        return
    assert list(blob.pread(offset, length)) == expected[:until]
    seen = list(blob.view(offset, length))
    assert seen == expected[: len(seen)]
    assert bool(seen) == bool(expected)


@given(BLOBS, OFFSETS, st.one_of(st.none(), OFFSETS))
def test_extents_cover_all_in_order_and_tell_the_truth(made: tuple[Blob, Whole], start: int, end: int | None) -> None:
    blob, whole = made
    stop = len(whole) if end is None else min(end, len(whole))
    at = start
    for extent in blob.extents(start, end):
        assert extent.start == at
        assert extent.start < extent.end
        content = whole[extent.start : extent.end]
        assert (extent.kind == "gap") == (content[0] is None)
        assert extent.kind != "gap" or set(content) == {None}
        assert extent.kind != "hole" or set(content) == {0}
        at = extent.end
    assert at == max(start, stop) if start < stop else at == start


@given(BLOBS, st.lists(st.tuples(OFFSETS, st.integers(1, 4 * _BLOCK)), max_size=6), st.booleans())
def test_what_a_cursor_has_at_once_is_the_slice_of_the_whole(
    made: tuple[Blob, Whole], reads: list[tuple[int, int]], reads_on: bool
) -> None:
    blob, whole = made
    SPARSE.pread(0, 1)  # where its holes are is known from now on
    cursor = Cursor(blob)
    at = 0
    for place, length in reads:
        offset = at if reads_on else place
        at_once = cursor.instant(offset, length)
        if at_once is not None:
            assert list(at_once) == whole[offset : offset + length]
        cursor.ahead()
        at = offset + length


def test_a_cursor_has_files_and_holes_at_once_but_neither_gaps_nor_seams() -> None:
    SPARSE.pread(0, SPARSE.size)  # what was not used for a while may have left the page cache
    blob = Concat([FileSlice(SPARSE, _BLOCK, 2 * _BLOCK), Zeros(100), Gap(5, "not there")])
    cursor = Cursor(blob)
    assert bytes(cursor.instant(0, 10) or b"") == bytes(10)
    assert bytes(cursor.instant(_BLOCK, 10) or b"") == bytes(CONTENT[2 * _BLOCK : 2 * _BLOCK + 10])  # type: ignore[arg-type]
    assert bytes(cursor.instant(2 * _BLOCK + 1, 99) or b"") == bytes(99)
    assert cursor.instant(2 * _BLOCK - 1, 2) is None
    assert cursor.instant(2 * _BLOCK + 100, 1) is None
    assert cursor.instant(blob.size, 1) == b""


@given(BLOBS, OFFSETS, st.sampled_from(["data", "hole"]))
def test_seeking_finds_the_first_stretch_of_its_kind(made: tuple[Blob, Whole], offset: int, kind: Literal["data", "hole"]) -> None:
    blob, whole = made
    hole = [False] * len(whole)
    for extent in blob.extents():
        hole[extent.start : extent.end] = [extent.kind == "hole"] * (extent.end - extent.start)
    ends = [len(whole)] if kind == "hole" else []
    expected = (
        next(iter([at for at in range(offset, len(whole)) if hole[at] == (kind == "hole")] + ends))
        if offset < len(whole) and (ends or not all(hole[offset:]))
        else None
    )
    assert seek(blob, offset, kind) == expected


@pytest.mark.parametrize("offset", [0, 1, _BLOCK, 2 * _BLOCK, 3 * _BLOCK, 5 * _BLOCK, 7 * _BLOCK + 1, 7 * _BLOCK + 4])
def test_seeking_in_a_file_is_what_its_file_system_says(offset: int) -> None:
    for whence, kind in (os.SEEK_DATA, "data"), (os.SEEK_HOLE, "hole"):
        try:
            expected = os.lseek(SPARSE.fd, offset, whence)
        except OSError:
            expected = None
        assert seek(FileSlice(SPARSE), offset, kind) == expected  # type: ignore[arg-type]


def test_seeking_among_too_many_stretches_takes_the_rest_for_data() -> None:
    data = Concat(Data(b"x") for _ in range(5000))
    assert seek(Concat([data, Zeros(10)]), 0, "hole") == 5010
    holes = Concat(Zeros(1) for _ in range(5000))
    assert seek(Concat([holes, Data(b"x")]), 0, "data") in range(4000, 5001)


def test_a_single_part_stays_itself() -> None:
    one = Data(b"one")
    assert concat(Zeros(0), one, Data(b"")) is one


def test_deferred_content_is_made_once_when_it_is_first_read() -> None:
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"abc"

    blob = Deferred(8, make)
    assert [tuple(e) for e in blob.extents()] == [(0, 8, "data")]
    assert blob.pread(8, 10) == b""
    assert blob.instant(0, 3) is None
    assert not made
    assert blob.pread(1, 10) == b"bc\0\0\0\0\0"
    assert blob.instant(0, 3) == b"abc"
    assert [tuple(e) for e in blob.extents()] == [(0, 3, "data"), (3, 8, "hole")]
    assert made == [1]


def test_settling_makes_extents_exact_however_deep_the_deferred_part_is() -> None:
    blob = Window(Concat([Data(b"x"), Deferred(8, lambda: b"abc")]), 0, 7)
    assert [tuple(e) for e in blob.extents()] == [(0, 1, "data"), (1, 7, "data")]
    settle(blob)
    assert [tuple(e) for e in blob.extents()] == [(0, 1, "data"), (1, 4, "data"), (4, 7, "hole")]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    path = tmp_path / "memory-ranges"
    path.write_bytes(os.urandom(16 * _BLOCK))
    opened = File.open(str(path))
    yield opened
    opened.close()


def test_a_file_that_shrinks_is_an_error_where_bytes_are_gone(file: File) -> None:
    before = file.pread(0, 4 * _BLOCK)
    os.truncate(file.name, 4 * _BLOCK)
    assert file.pread(0, 4 * _BLOCK) == before
    for read in (file.pread, file.view, file.instant):
        with pytest.raises(CorruptState, match="16384 bytes long now, 65536 when it was opened"):
            read(3 * _BLOCK, 2 * _BLOCK)
    # nothing that is gone is taken for a hole
    assert "hole" not in {extent.kind for extent in file.extents(4 * _BLOCK, 16 * _BLOCK)}
    assert list(file.extents(8 * _BLOCK, 16 * _BLOCK))[-1].end == 16 * _BLOCK


def test_a_file_that_is_replaced_or_deleted_stays_the_one_that_was_opened(file: File, caplog: pytest.LogCaptureFixture) -> None:
    before = file.pread(0, file.size)
    assert bytes(file.view(0, 100)) == before[:100]
    assert not caplog.messages
    Path(file.name).unlink()
    Path(file.name).write_bytes(b"another")
    time.sleep(0.05)
    assert file.pread(0, file.size) == before
    assert len(caplog.messages) == 1
    for _ in range(3):
        assert file.pread(0, file.size) == before
        assert bytes(file.view(0, 100)) == before[:100]
    assert len(caplog.messages) == 1
    assert "deleted or replaced" in caplog.messages[0]


def test_a_file_that_is_moved_aside_stays_the_one_that_was_opened(file: File, caplog: pytest.LogCaptureFixture) -> None:
    before = file.pread(0, file.size)
    path = Path(file.name)
    os.link(path, path.with_suffix(".link"))  # which changes nothing
    time.sleep(0.05)
    assert file.pread(0, file.size) == before
    assert not caplog.messages
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"another")
    for _ in range(3):
        time.sleep(0.05)
        assert file.pread(0, file.size) == before
    assert len(caplog.messages) == 1
    assert f"was moved to {path.with_suffix('.old')} while in use" in caplog.messages[0]


def test_a_file_that_is_written_to_is_told_of_once(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.view(0, 100)
    with open(file.name, "r+b") as out:
        out.write(b"new")
    os.utime(file.name, ns=(0, file.mtime_ns + 1))
    for _ in range(3):
        file.view(0, 100)
    assert len(caplog.messages) == 1
    assert "written to" in caplog.messages[0]


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "missing"):
        with pytest.raises(CannotOpen):
            File.open(str(place))
