"""What is got ready for a reader: the bytes of the file, as far as they are in the page cache."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from snapfs.blob import Cursor, File, FileSlice
from snapfs.blob.ahead import Ahead

KIB = 1 << 10
CONTENT = os.urandom(3 << 20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "memory"
    path.write_bytes(CONTENT)
    return path


def test_a_stretch_is_that_of_the_file_and_ends_with_it(path: Path) -> None:
    ahead = Ahead()
    with path.open("rb") as file:
        ahead.prepare(file.fileno(), 5000, 100 * KIB)
        if not ahead.works:
            pytest.skip("this file system has no reads that do not wait")
        assert bytes(ahead.buffer[: ahead.end - ahead.start]) == CONTENT[5000 : 5000 + 100 * KIB]
        ahead.prepare(file.fileno(), len(CONTENT) - 10, 100)
        assert (ahead.start, ahead.end) == (len(CONTENT) - 10, len(CONTENT))
        ahead.prepare(file.fileno(), 0, len(CONTENT))
        assert (ahead.start, ahead.end) == (0, 1 << 20)
        ahead.forget()
        assert ahead.start == ahead.end


def test_a_file_without_such_reads_is_not_asked_twice() -> None:
    ahead = Ahead()
    out, into = os.pipe()
    try:
        ahead.works = True
        ahead.prepare(into, 0, 10)  # no such read from there
        assert ahead.start == ahead.end
    finally:
        os.close(out)
        os.close(into)


def test_where_there_are_no_such_reads_the_first_one_is_answered_at_once_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    file = File.open(str(path))
    file.pread(0, file.size)
    monkeypatch.setattr("snapfs.blob.ahead.os.preadv", refuse)
    for at in (0, 4096, 5000):
        data = file.instant(at, 4096)
        assert data is not None
        assert bytes(data) == CONTENT[at : at + 4096]
        del data
    file.close()


def test_somebody_who_reads_on_gets_what_was_made_ready_for_him(path: Path) -> None:
    file = File.open(str(path))
    file.pread(0, 1)
    cursor = Cursor(FileSlice(file, 100))
    for at in range(0, 2 << 20, 96 * KIB):
        data = cursor.instant(at, 96 * KIB)
        assert data is not None
        assert bytes(data) == CONTENT[100 + at : 100 + at + 96 * KIB]
        cursor.ahead()
    file.close()


def test_what_was_made_ready_is_forgotten_when_somebody_writes(path: Path) -> None:
    file = File.open(str(path))
    file.pread(0, 1)
    cursor = Cursor(FileSlice(file))
    for at in (0, 4096):
        assert cursor.instant(at, 4096) is not None
        cursor.ahead()
    with path.open("r+b") as out:
        out.seek(8192)
        out.write(b"new!")
    os.utime(path, ns=(1, 1))
    file.check(0)
    data = cursor.instant(8192, 4096)
    assert data is not None
    assert bytes(data[:4]) == b"new!"
    file.close()
