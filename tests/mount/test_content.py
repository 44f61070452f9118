from __future__ import annotations

import errno
import fcntl
import mmap
import os
import subprocess
from pathlib import Path

import corpus
import pytest
from mounted import mounted, requires_fuse

import snapfs

pytestmark = requires_fuse


def test_memory_of_the_sample_is_byte_for_byte_that_of_its_files(tmp_path: Path) -> None:
    source = corpus.demo()
    original = (source / "memory-ranges").read_bytes()
    with mounted("--demo", at=tmp_path / "m") as at, snapfs.open(source) as snap:
        for file in ("config.json", "state.json", "memory-ranges"):
            assert (at / "raw" / file).read_bytes() == (source / file).read_bytes()
        physical = (at / "memory/physical").read_bytes()
        for r in snap.memory.ranges:
            content = original[r.offset : r.offset + r.length]
            assert physical[r.start : r.end] == content
            assert (at / "memory/ranges" / r.name).read_bytes() == content
            assert (at / "memory/zones" / r.zone / r.name).read_bytes() == content


def test_windows_are_made_on_look_up_and_other_names_are_not_there(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at, snapfs.open(corpus.demo()) as snap:
        assert (at / "memory/at/0x1000").read_bytes() == snap.memory.read(0x1000, 4096)
        assert (at / "memory/at/4096+10").read_bytes() == snap.memory.read(4096, 10)
        assert (at / "memory/at/4096+10").stat().st_size == 10
        assert os.listdir(at / "memory/at") == []
        for bad in ("-1", "+5", "0x", "0x1000+0", "zzz", "0x1000+0x1000000000001"):
            assert not (at / "memory/at" / bad).exists()


def test_inode_numbers_are_the_same_after_a_remount(tmp_path: Path) -> None:
    def numbers(at: Path) -> dict[str, int]:
        places = ["", "raw", "vcpus/0/regs/rip", "memory/physical", "memory/at/0x1000", "state.txt"]
        return {place: (at / place).stat().st_ino for place in places}

    with mounted("--demo", at=tmp_path / "m") as at:
        first = numbers(at)
    with mounted("--demo", at=tmp_path / "other") as at:
        assert numbers(at) == first
    assert len(set(first.values())) == len(first)


def test_times_are_those_of_the_files_that_are_shown(tmp_path: Path) -> None:
    source = corpus.demo()
    with mounted("--demo", at=tmp_path / "m") as at:
        for place, file in (
            ("config", "config.json"),
            ("state", "state.json"),
            ("memory/physical", "memory-ranges"),
            ("raw/config.json", "config.json"),
        ):
            assert (at / place).stat().st_mtime_ns == (source / file).stat().st_mtime_ns


def test_nothing_can_be_written(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        for change in (
            lambda: (at / "new").write_text("x"),
            lambda: (at / "README").open("a"),
            lambda: (at / "README").unlink(),
            lambda: (at / "d").mkdir(),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                change()


def test_maps_of_huge_files_are_private_or_need_the_option_cache(tmp_path: Path) -> None:
    original = (corpus.demo() / "memory-ranges").read_bytes()
    with mounted("--demo", at=tmp_path / "m") as at, (at / "raw/memory-ranges").open("rb") as file:
        with pytest.raises(OSError, match="No such device"):
            mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)
        with mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapped:
            assert mapped[4096:8192] == original[4096:8192]
    with mounted("--demo", "-o", "cache", at=tmp_path / "m") as at, (at / "raw/memory-ranges").open("rb") as file:
        with mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
            assert mapped[:] == original
        assert file.read() == original


@pytest.mark.parametrize("options", [(), ("-o", "cache"), ("-o", "processes=2")])
def test_holes_are_told_to_whoever_asks_for_them(options: tuple[str, ...], tmp_path: Path) -> None:
    memory = tmp_path / "snap/memory-ranges"
    memory.parent.mkdir()
    source = corpus.demo()
    for name in ("config.json", "state.json"):
        (memory.parent / name).write_bytes((source / name).read_bytes())
    content = (source / "memory-ranges").read_bytes()
    with memory.open("wb") as out:  # the same bytes, with holes for zeros
        for at in range(0, len(content), 1 << 16):
            if any(content[at : at + (1 << 16)]):
                out.seek(at)
                out.write(content[at : at + (1 << 16)])
        out.truncate(len(content))
    with mounted(memory.parent, *options, at=tmp_path / "m") as at:
        assert _stretches(at / "raw/memory-ranges") == _stretches(memory)
        assert _stretches(at / "README") == [(0, (at / "README").stat().st_size)]
        for name in ("raw/memory-ranges", "memory/physical", "dump/vmcore"):
            _is_copied_with_its_holes(at, name, memory.stat().st_blocks, tmp_path)
        with (at / "memory/pages.txt").open("rb") as file, pytest.raises(OSError, match="Invalid argument"):
            os.lseek(file.fileno(), 0, os.SEEK_DATA)


def _is_copied_with_its_holes(at: Path, name: str, stored: int, place: Path) -> None:
    """What the documents say of cp(1) and GNU tar. `stored`: the blocks of the memory file."""
    content = (at / name).read_bytes()
    few = stored + 64  # the rest are headers
    assert (at / name).stat().st_blocks <= few
    copy, archive = place / "copy", place / "archive.tar"
    subprocess.run(["cp", at / name, copy], check=True)
    subprocess.run(["tar", "-C", at, "-S", "-c", "-f", archive, name], check=True)
    assert archive.stat().st_size <= few * 512
    subprocess.run(["tar", "-C", place, "-x", "-f", archive], check=True)
    for found in (copy, place / name):
        assert found.read_bytes() == content
        assert found.stat().st_blocks <= few
        found.unlink()


def _stretches(path: Path) -> list[tuple[int, int]]:
    """Where the data of a file begins and ends, as lseek(2) says."""
    found = []
    with path.open("rb") as file:
        at = 0
        while True:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return found
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((start, at))


@pytest.mark.parametrize("processes", [1, 2])
def test_what_nobody_handles_is_refused_and_holds_up_nobody(processes: int, tmp_path: Path) -> None:
    with mounted("--demo", "-o", f"processes={processes}", at=tmp_path / "m") as at, (at / "README").open("rb") as file:
        fd = file.fileno()
        for _ in range(20):
            with pytest.raises(OSError, match="ioctl"):
                fcntl.ioctl(fd, 0x80086601, bytes(8))  # FS_IOC_GETFLAGS
            with pytest.raises(OSError, match="Read-only"):
                os.mknod(at / "new")
            with pytest.raises(OSError, match="Read-only"):
                os.setxattr(at / "README", "user.x", b"y")
            fcntl.flock(fd, fcntl.LOCK_SH)
            fcntl.lockf(fd, fcntl.LOCK_SH)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
            assert os.pread(fd, 10, 0) == (at / "README").read_bytes()[:10]
