"""Exports to disk: exact bytes, exact holes, nothing half done."""

import hashlib
import os
import shutil
import signal
import socket
import stat
from pathlib import Path

import corpus
import pytest

import snapfs
from snapfs.blob import Data, Gap, Zeros, concat
from snapfs.errors import AddressError, CorruptState, TruncatedMemory, WriteError
from snapfs.export import select, write_directory, write_file
from snapfs.tree import Dir, Link, root
from snapfs.tree.nodes import ImageFile, StreamFile, TextFile

MIB = 1 << 20


def quiet(*_: object) -> None:
    pass


def holes(path: Path) -> list[tuple[int, int]]:
    """The data extents that the file system knows."""
    found = []
    with path.open("rb") as file:
        end, at = os.fstat(file.fileno()).st_size, 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            stop = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            found.append((at, stop))
            at = stop
    return found


def leftovers(directory: Path) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(".")]


def image(*parts: object) -> ImageFile:
    return ImageFile(lambda: concat(*parts), huge=True)


def test_a_file_keeps_its_bytes_and_its_holes(tmp_path):
    node = image(Data(b"a" * MIB), Zeros(3 * MIB), Data(b"b" * MIB), Zeros(MIB))
    write_file(node, tmp_path / "out", None, quiet, quiet)
    data = (tmp_path / "out").read_bytes()
    assert data == b"a" * MIB + bytes(3 * MIB) + b"b" * MIB + bytes(MIB)
    assert holes(tmp_path / "out") == [(0, MIB), (4 * MIB, 5 * MIB)]
    assert leftovers(tmp_path) == []


def test_zeros_that_were_written_stay_written(tmp_path):
    write_file(image(Data(bytes(MIB)), Zeros(MIB)), tmp_path / "out", None, quiet, quiet)
    assert holes(tmp_path / "out") == [(0, MIB)]


def test_the_memory_of_the_sample_is_copied_exactly(tmp_path):
    with snapfs.open(corpus.demo()) as snap:
        write_file(root(snap) / "raw/memory-ranges", tmp_path / "out", None, quiet, quiet)
    assert (
        hashlib.sha256((tmp_path / "out").read_bytes()).digest() == hashlib.sha256((corpus.demo() / "memory-ranges").read_bytes()).digest()
    )
    assert holes(tmp_path / "out") == holes(corpus.demo() / "memory-ranges")


def test_an_export_is_private_and_has_the_time_of_the_tree(tmp_path):
    os.umask(os.umask(0))
    write_file(TextFile(lambda: "x\n"), tmp_path / "out", 1234567890_123456789, quiet, quiet)
    status = (tmp_path / "out").stat()
    assert stat.S_IMODE(status.st_mode) == 0o400
    assert status.st_mtime_ns == 1234567890_123456789


def test_an_existing_destination_is_an_error_and_stays(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(WriteError, match="--force"):
        write_file(TextFile(lambda: "x"), tmp_path / "out", None, quiet, quiet)
    assert (tmp_path / "out").read_text() == "mine"


def test_force_replaces_files_and_directories(tmp_path):
    (tmp_path / "out").write_text("mine")
    write_file(TextFile(lambda: "x"), tmp_path / "out", None, quiet, quiet, force=True)
    assert (tmp_path / "out").read_text() == "x"
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "stale").write_text("")
    top = Dir(lambda: [("new", TextFile(lambda: "y"))])
    write_directory(select([top, top]), tmp_path / "dir", quiet, quiet, force=True)
    assert os.listdir(tmp_path / "dir") == ["new"]
    assert leftovers(tmp_path) == []


def test_a_file_does_not_replace_a_directory_not_even_by_force(tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "mine").write_text("mine")
    for force in (False, True):
        with pytest.raises(WriteError, match="is a directory"):
            write_file(TextFile(lambda: "x"), tmp_path / "dir", None, quiet, quiet, force=force)
    assert (tmp_path / "dir" / "mine").read_text() == "mine"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", ["device", "FIFO", "socket", "link"])
def test_force_replaces_neither_devices_nor_fifos_nor_sockets(tmp_path, kind):
    dest = tmp_path / "dest"
    if kind == "device":
        dest = Path("/dev/null")
    elif kind == "FIFO":
        os.mkfifo(dest)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(dest))
    else:
        dest.symlink_to("/dev/null")
    before = os.lstat(dest)
    for force in (False, True):
        for write in (
            lambda force=force: write_file(TextFile(lambda: "x"), dest, None, quiet, quiet, force=force),
            lambda force=force: write_directory(select([Dir(list)]), dest, quiet, quiet, force=force),
        ):
            with pytest.raises(WriteError, match=f"is a {'device' if kind == 'link' else kind}"):
                write()
    after = os.lstat(dest)
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_second_ctrl_c_while_it_cleans_up_leaves_nothing_either(tmp_path, monkeypatch, what):
    def interrupted():
        raise KeyboardInterrupt

    def again(original):
        def call(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGINT)
            return original(*args, **kwargs)

        return call

    monkeypatch.setattr(os, "unlink", again(os.unlink))
    monkeypatch.setattr(shutil, "rmtree", again(shutil.rmtree))
    tree = Dir(lambda: [("a", TextFile(lambda: "a")), ("b", StreamFile(interrupted))])

    def write():
        if what == "file":
            write_file(tree.get("b"), tmp_path / "out", None, quiet, quiet)
        else:
            write_directory(select([tree], everything=True), tmp_path / "out", quiet, quiet)

    with pytest.raises(KeyboardInterrupt):
        write()
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []


def test_an_error_of_a_file_that_is_made_names_the_file(tmp_path):
    def broken():
        raise AddressError("0x1000: not in the snapshot")
        yield b""

    with pytest.raises(AddressError, match=r"memory/pages\.txt: 0x1000"):
        write_file(StreamFile(broken), tmp_path / "out", None, quiet, quiet, where="memory/pages.txt")


def test_force_does_not_replace_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    top = Dir(lambda: [("new", TextFile(lambda: "y"))])
    with pytest.raises(WriteError, match="in use"):
        write_directory(select([top, top]), tmp_path, quiet, quiet, force=True)


def test_missing_memory_is_an_error_and_leaves_nothing(tmp_path):
    node = image(Data(b"a" * 4096), Gap(4096, "zone z: not in the snapshot"))
    with pytest.raises(TruncatedMemory, match=r"offset 0x1000 .* zone z"):
        write_file(node, tmp_path / "out", None, quiet, quiet)
    assert os.listdir(tmp_path) == []


def test_missing_memory_is_zeros_only_when_asked(tmp_path):
    node = image(Data(b"a" * 4096), Gap(4096, "gone"))
    write_file(node, tmp_path / "out", None, quiet, quiet, fill_gaps=True)
    assert (tmp_path / "out").read_bytes() == b"a" * 4096 + bytes(4096)


def test_an_error_while_reading_leaves_nothing(tmp_path):
    class Torn(Data):
        def pread(self, offset, length):
            raise CorruptState("cut while in use")

    with pytest.raises(CorruptState):
        write_file(image(Torn(b"a" * 4096)), tmp_path / "out", None, quiet, quiet)
    assert os.listdir(tmp_path) == []


def test_storage_that_gives_other_bytes_back_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "pread", lambda fd, n, at: b"\0" * min(n, 4096))
    with pytest.raises(WriteError, match="reading back"):
        write_file(image(Data(b"a" * 4096)), tmp_path / "out", None, quiet, quiet)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_an_error_that_names_the_destination(tmp_path, monkeypatch):
    def full(fd, data, at):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(WriteError, match=r"out: No space left on device; nothing was left there"):
        write_file(image(Data(b"a" * 4096)), tmp_path / "out", None, quiet, quiet)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(WriteError, match="no such directory"):
        write_file(TextFile(lambda: "x"), tmp_path / "none" / "out", None, quiet, quiet)


def test_a_made_file_is_written_whole(tmp_path):
    write_file(StreamFile(lambda: iter([b"one\n", b"two\n"])), tmp_path / "out", None, quiet, quiet)
    assert (tmp_path / "out").read_bytes() == b"one\ntwo\n"


def test_what_cannot_be_read_is_told_and_its_neighbours_are_written(tmp_path):
    def fail():
        raise AddressError("not there")

    top = Dir(lambda: [("good", TextFile(lambda: "x\n")), ("bad", TextFile(fail)), ("last", TextFile(lambda: "z\n"))])
    failures = []
    write_directory(select([top]), tmp_path / "out", quiet, lambda path, error: failures.append((path, str(error))))
    assert sorted(os.listdir(tmp_path / "out")) == ["good", "last"]
    assert failures == [("bad", "not there")]


def tree() -> Dir:
    config = Dir(lambda: [("disks", Dir(lambda: [("0", TextFile(lambda: "disk\n"))]))])
    device = Dir(lambda: [("config", Link("../../config/disks")), ("self", Link("config/0"))])
    memory = Dir(lambda: [("physical", image(Data(b"m"))), ("map.txt", TextFile(lambda: "map\n"))])
    raw = Dir(lambda: [("memory-ranges", image(Data(b"m")))])
    slow = StreamFile(lambda: iter([b"slow"]))
    return Dir(lambda: [("config", config), ("devices", Dir(lambda: [("d", device)])), ("memory", memory), ("raw", raw), ("slow", slow)])


def test_the_whole_tree_has_guest_memory_once(tmp_path):
    selection = select([tree()])
    assert selection.left_out == ["memory/physical", "slow"]
    assert selection.data_bytes == 1
    write_directory(selection, tmp_path / "out", quiet, quiet)
    assert (tmp_path / "out/raw/memory-ranges").read_bytes() == b"m"
    assert os.readlink(tmp_path / "out/devices/d/config") == "../../config/disks"
    assert (tmp_path / "out/devices/d/self").read_text() == "disk\n"
    assert os.listdir(tmp_path / "out/memory") == ["map.txt"]


def test_what_is_named_is_written(tmp_path):
    top = tree()
    assert [i.path for i in select(top.walk("memory")).items] == ["", "physical", "map.txt"]
    assert select([top], everything=True).left_out == []
    assert "raw/memory-ranges" in select([top], exclude=("memory-*",)).left_out
    assert [i.path for i in select([top], exclude=("memory", "raw", "slow", "devices")).items] == [
        "",
        "config",
        "config/disks",
        "config/disks/0",
    ]


def test_links_that_would_lead_outside_the_copy_become_what_they_lead_to(tmp_path):
    write_directory(select(tree().walk("devices")), tmp_path / "out", quiet, quiet)
    assert not (tmp_path / "out/d/config").is_symlink()
    assert (tmp_path / "out/d/config/0").read_text() == "disk\n"
    assert (tmp_path / "out/d/self").read_text() == "disk\n"
