"""What a directory may be instead of a snapshot, and what may lie in it beside one."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import commands
import corpus
import pytest

import snapfs
from snapfs.errors import AddressError, CannotOpen, NotASnapshot, SnapfsError

NAME = "v53.0-x86_64-small"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A snapshot of which every file may be replaced."""
    for file in corpus.trimmed(NAME).iterdir():
        (tmp_path / file.name).symlink_to(file)
    return tmp_path


def replaced(path: Path, content: bytes = b"") -> Path:
    path.unlink()
    path.write_bytes(content)
    return path


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Within, this process has no more rights than anybody."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda p: p / "missing", 11, "No such file or directory"),
        (lambda p: _write(p / "file", b"x"), 11, "not a directory; name the directory that the snapshot was written to"),
        (lambda p: _write(p / "config.json", b"{}"), 11, "not a directory; this is one file of a snapshot, name its directory: "),
        (lambda p: _write(p / "s.tar", b"x"), 11, "not a directory; unpack it, and name the directory that the snapshot is in then"),
        (lambda p: f"file://{p}", 11, "No such file or directory; name the path alone, without file://"),
        (lambda p: p, 12, "none of config.json, state.json, vm.json and memory-ranges is in it; name the directory that"),
        (lambda p: _write(p / "memory-ranges.zst", b"x").parent, 12, "memory-ranges.zst is compressed, unpack it first"),
        (lambda p: _write(p / "other.json", b"{}").parent, 12, "none of config.json"),
        (lambda p: _fifo(p / "state.json").parent, 12, "none of config.json"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_a_sentence(tmp_path, make, code, words):
    path = make(tmp_path)
    for command in (["cat", path, "README"], ["ls", path], ["info", path], ["mount", path, tmp_path / "m"]):
        done = commands.program(*command)
        said = done.stderr.decode()
        assert done.returncode == code, said
        assert words in said
        assert str(path) in said
        assert "Traceback" not in said
        assert len(said.splitlines()) == 1
        assert done.stdout == b""
    with pytest.raises(CannotOpen if code == 11 else NotASnapshot, match=words.split(";")[0]):
        snapfs.open(path)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_what_is_no_plain_file_is_passed_over(copy):
    os.mkfifo(copy / "fifo")
    (copy / "directory").mkdir()
    (copy / "nowhere").symlink_to("missing")
    (copy / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(copy / "socket"))
        with snapfs.open(copy) as snap:
            assert [*(snapfs.tree.root(snap) / "raw").children] == ["config.json", "memory-ranges", "state.json"]
            assert snap.problems == []


@pytest.mark.parametrize("what", ["fifo", "directory", "nowhere"])
@pytest.mark.parametrize("file", ["state.json", "config.json", "memory-ranges"])
def test_a_file_of_the_snapshot_that_is_none_takes_nothing_else_with_it(copy, file, what):
    (copy / file).unlink()
    if what == "fifo":
        os.mkfifo(copy / file)
    elif what == "directory":
        (copy / file).mkdir()
    else:
        (copy / file).symlink_to("missing")
    with snapfs.open(copy) as snap:
        tree = snapfs.tree.root(snap)
        assert snap.problems
        readable = {
            "state.json": ["config/cpus/boot_vcpus", "raw/config.json"],
            "config.json": ["vcpus/0/regs/rip", "state.txt", "memory/map.txt"],
            "memory-ranges": ["config/cpus/boot_vcpus", "vcpus/0/regs/rip", "memory/gaps.txt"],
        }
        for path in ("README", "summary.txt", *readable[file]):
            assert (tree / path).read_bytes()


@pytest.mark.parametrize("file", ["state.json", "config.json", "memory-ranges"])
def test_a_file_that_may_not_be_read_says_so_and_the_rest_reads(open_path, file):
    for source in corpus.trimmed(NAME).iterdir():
        with (open_path / source.name).open("wb") as out:
            out.write(source.read_bytes() if source.suffix == ".json" else b"")
            out.truncate(source.stat().st_size)
    (open_path / file).chmod(0)
    with nobody(), snapfs.open(open_path) as snap:
        tree = snapfs.tree.root(snap)
        assert any("Permission denied" in problem for problem in snap.problems)
        assert (tree / "README").read_bytes()
        with pytest.raises(SnapfsError, match="Permission denied"):
            (tree / f"raw/{file}").read_bytes()
        other = {"state.json": "config/cpus/boot_vcpus", "config.json": "vcpus/0/regs/rip", "memory-ranges": "state.txt"}
        assert (tree / other[file]).read_bytes()


def test_a_directory_that_may_not_be_listed_is_refused(open_path):
    inner = open_path / "snapshot"
    inner.mkdir()
    inner.chmod(0o311 if os.geteuid() else 0o700)
    try:
        with nobody(), pytest.raises(CannotOpen, match="Permission denied"):
            snapfs.open(inner)
    finally:
        inner.chmod(0o700)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, _loop])
@pytest.mark.parametrize("name", ["state.json", "config.json"])
def test_a_document_that_is_no_plain_file_is_named_and_nothing_waits_for_it(copy, name, make):
    (copy / name).unlink()
    make(copy / name)
    with snapfs.open(copy) as snap:
        assert any(f"{name} is there, but is no plain file" in problem for problem in snap.problems)
        assert (snapfs.tree.root(snap) / "summary.txt").read_text()


def test_a_packed_memory_file_beside_the_missing_one_is_named(copy):
    (copy / "memory-ranges").rename(copy / "memory-ranges.zst")
    with snapfs.open(copy) as snap:
        tree = snapfs.tree.root(snap)
        # the one warning of a mount is the first of them
        assert "memory-ranges.zst" in snap.problems[0]
        assert "unpack it" in snap.problems[0]
        assert "truncated" in (tree / "memory/gaps.txt").read_text()
        with pytest.raises(AddressError):
            (tree / "memory/physical").blob().pread(0, 1)


@pytest.mark.parametrize("length", [0, 1, 4096, (64 << 20) - 1])
def test_memory_that_is_shorter_than_its_table_reads_as_far_as_it_goes(copy, length):
    memory = replaced(copy / "memory-ranges", b"m" * min(length, 4096))
    os.truncate(memory, length)
    with snapfs.open(copy) as snap:
        tree = snapfs.tree.root(snap)
        assert len(snap.problems) == 1
        assert str(length) in snap.problems[0]
        size = 64 << 20
        gaps = [line.split()[:3] for line in (tree / "memory/gaps.txt").read_text().splitlines() if " truncated " in line]
        assert gaps == [[f"0x{length:016x}", f"0x{size:016x}", "truncated"]]
        for path in ("memory/physical", f"memory/ranges/0x{0:016x}-0x{size:016x}", f"memory/at/0x0+{size}"):
            blob = (tree / path).blob()
            assert blob.size == size, path
            assert blob.pread(0, 4096) == b"m" * min(length, 4096) if length else True
            with pytest.raises(AddressError, match="memory-ranges"):
                blob.pread(length, 1)
        assert (tree / "raw/memory-ranges").size == length
        assert (tree / "vcpus/0/regs/rip").read_text().startswith("0x")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"[]", b"null", b'"', b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b"{}" * 3]
)
@pytest.mark.parametrize("file", ["state.json", "config.json"])
def test_a_document_of_anything_else_leaves_the_other_files_readable(copy, file, content):
    replaced(copy / file, content)
    with snapfs.open(copy) as snap:
        tree = snapfs.tree.root(snap)
        assert (tree / f"raw/{file}").read_bytes() == content
        assert (tree / "README").read_bytes()
        assert (tree / "summary.txt").read_bytes()
        assert (tree / ("config/cpus/boot_vcpus" if file == "state.json" else "vcpus/0/regs/rip")).read_bytes()
        if content != b"{}":
            assert snap.problems
