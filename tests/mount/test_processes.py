from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import corpus
import pytest
from mounted import PATIENCE, becomes, ended, mounted, mounts_below, requires_fuse, run, server

import snapfs
from snapfs import tree

pytestmark = requires_fuse

_READ = """
import os, random, sys
at, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
original = open(sys.argv[3], 'rb').read()
names = ['README', 'vcpus/0/regs/rip', 'vcpus/1/regs.txt', 'state.txt', 'config.txt', 'memory/map.txt']
first = {}
file = open(at + '/memory/ranges/' + os.listdir(at + '/memory/ranges')[0], 'rb', 0)
for _ in range(400):
    offset = rng.randrange(len(original) - 4096)
    file.seek(offset)
    assert file.read(4096) == original[offset:offset + 4096], offset
    name = rng.choice(names)
    text = open(at + '/' + name).read()
    assert first.setdefault(name, text) == text
    address = rng.randrange(1 << 20)
    with open(f'{at}/memory/at/{address}+16', 'rb') as window:
        assert len(window.read()) == 16
    os.listdir(at + '/vcpus/0')
"""


_READ_ALL = """
import hashlib, mmap, os, sys
fd, times = os.open(sys.argv[1], os.O_RDONLY), int(sys.argv[2])
buffer = mmap.mmap(-1, 1 << 20)
for _ in range(times):
    digest, at = hashlib.sha256(), 0
    while got := os.preadv(fd, [buffer], at):
        digest.update(buffer[:got])
        at += got
    print(digest.hexdigest())
"""


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("processes", [1, 3])
def test_parallel_readers_of_everything_get_what_is_there(processes: int, tmp_path: Path) -> None:
    source = corpus.demo()
    with mounted("--demo", "-o", f"processes={processes}", at=tmp_path / "m") as at:
        readers = [subprocess.Popen([sys.executable, "-c", _READ, str(at), str(n), str(source / "memory-ranges")]) for n in range(4)]
        ended = [reader.wait(5 * PATIENCE) for reader in readers]
        assert "ERROR" not in (at / "LOG").read_text()
        assert ended == [0, 0, 0, 0]


@pytest.mark.parametrize("processes", [1, 2])
def test_several_who_read_much_get_what_is_there(processes: int, tmp_path: Path) -> None:
    content = (corpus.demo() / "memory-ranges").read_bytes()
    with mounted("--demo", "-o", f"processes={processes}", at=tmp_path / "m") as at:
        path = at / "memory/ranges" / os.listdir(at / "memory/ranges")[0]
        readers = [
            subprocess.Popen([sys.executable, "-c", _READ_ALL, str(path), "10"], stdout=subprocess.PIPE, text=True) for _ in range(4)
        ]
        said = [reader.communicate(timeout=5 * PATIENCE)[0].split() for reader in readers]
        assert said == [[hashlib.sha256(content).hexdigest()] * 10] * 4
        assert "ERROR" not in (at / "LOG").read_text()


def test_memory_file_that_shrinks_while_several_read_is_an_error_for_each(tmp_path: Path) -> None:
    snap = tmp_path / "s"
    shutil.copytree(corpus.demo(), snap)
    with mounted(snap, at=tmp_path / "m") as at:
        path = at / "memory/ranges" / os.listdir(at / "memory/ranges")[0]
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", _READ_ALL, str(path), "1000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for reader in readers:
            assert reader.stdout
            assert reader.stdout.readline()
        os.truncate(snap / "memory-ranges", 4096)
        for reader in readers:
            assert "Input/output error" in reader.communicate(timeout=5 * PATIENCE)[1]
        assert (at / "vcpus/0/regs/rip").read_text()
        assert "cut while" in (at / "LOG").read_text()


def test_every_process_knows_the_numbers_that_another_gave_out(tmp_path: Path) -> None:
    with mounted("--demo", "-o", "processes=2", at=tmp_path / "m") as at, snapfs.open(corpus.demo()) as snap:
        root = tree.root(snap)
        assert isinstance(root, tree.Dir)
        for place in ("vcpus/0/regs.txt", "state.txt", "memory/at/0x1000", "memory/physical"):
            node = root / place
            assert isinstance(node, tree.File)
            content = node.read_bytes()
            for _ in range(20):
                assert hashlib.sha256((at / place).read_bytes()).digest() == hashlib.sha256(content).digest()


def test_serving_process_that_dies_is_replaced(tmp_path: Path) -> None:
    with mounted("--demo", "-o", "processes=2", at=tmp_path / "m") as at:
        supervisor = server(at)
        rip = (at / "vcpus/0/regs/rip").read_text()
        before = _children(supervisor)
        assert len(before) == 2
        for victim in before:
            os.kill(victim, signal.SIGKILL)
        assert becomes(lambda: len(set(_children(supervisor)) - set(before)) == 2)
        assert (at / "vcpus/0/regs/rip").read_text() == rip
        assert len((at / "memory/at/77+5").read_bytes()) == 5
        assert "another takes its place" in (at / "LOG").read_text()


def test_killed_supervisor_takes_the_serving_processes_along(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", "-o", "processes=2", at).returncode == 0
    supervisor = server(at)
    children = _children(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    assert becomes(lambda: ended(supervisor, *children))
    assert run("mount", "--demo", at).returncode == 10
    assert run("umount", at).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_all_processes(number: int, tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", "-o", "processes=3", at).returncode == 0
    supervisor = server(at)
    children = _children(supervisor)
    assert len(children) == 3
    os.kill(supervisor, number)
    assert becomes(lambda: not mounts_below(tmp_path))
    assert becomes(lambda: ended(supervisor, *children))


def _compare(node: tree.Dir, place: Path) -> int:
    """Compares all small files below a directory; how many there were."""
    assert sorted(name for name in os.listdir(place) if name != "LOG") == sorted(node.children), place
    count = 0
    for name, child in node.children.items():
        path = place / name
        if isinstance(child, tree.Dir):
            count += _compare(child, path)
        elif isinstance(child, tree.File) and not child.huge and not child.streamed:
            count += 1
            try:
                expected = child.read_bytes()
            except snapfs.SnapfsError:
                assert path.stat().st_size > 0
                with pytest.raises(OSError, match="Input/output error"):
                    path.read_bytes()
            else:
                assert path.read_bytes() == expected, path
                assert path.stat().st_size == len(expected), path
    return count


def test_directories_are_the_same_through_several_processes(tmp_path: Path) -> None:
    source = corpus.trimmed("v28.0-x86_64-small")
    with mounted(source, "-o", "processes=2", at=tmp_path / "m") as at, snapfs.open(source) as snap:
        root = tree.root(snap)
        for place in ("config", "vcpus/0", "config"):  # again, with what the kernel has kept
            node = root / place
            assert isinstance(node, tree.Dir)
            assert _compare(node, at / place) > 50
