"""The search through a file against `bytes.find` over all of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.blob import File, scan
from snapfs.blob.scan import occurrences

NEEDLE = b"needle"


def everywhere(data: bytes, start: int, end: int) -> list[int]:
    return [at for at in range(start, end - len(NEEDLE) + 1) if data[at : at + len(NEEDLE)] == NEEDLE]


@given(
    st.lists(st.sampled_from([b"needle", b"need", b"le", b"\0" * 7, b"x"]), max_size=60).map(b"".join),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from([6, 7, 16]),
)
def test_every_occurrence_is_found_across_the_borders_of_the_buffer(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, first: int, less: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("scan") / "file"
    path.write_bytes(data)
    start, end = min(first, len(data)), max(min(first, len(data)), len(data) - less)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BUFFER", size)
        file = File.open(str(path))
        assert [at for at in occurrences(file, start, end, NEEDLE) if at is not None] == everywhere(data, start, end)
        file.close()


def test_holes_are_passed_over_and_the_work_gives_signs_of_life(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as out:
        out.write(bytes(9 << 20))
        out.seek(1 << 40)
        out.write(b"a needle")
    file = File.open(str(path))
    found = list(occurrences(file, 0, file.size, NEEDLE))
    assert [at for at in found if at is not None] == [(1 << 40) + 2]
    assert found.count(None) == 2
    file.close()


def test_a_file_that_was_cut_has_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(NEEDLE + bytes(3 << 20) + NEEDLE)
    file = File.open(str(path))
    os.truncate(path, 1 << 20)
    assert [at for at in occurrences(file, 0, file.size, NEEDLE) if at is not None] == [0]
    file.close()
