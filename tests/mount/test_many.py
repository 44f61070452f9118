from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

import corpus
import pytest
from mounted import becomes, mounted, requires_fuse, run

from snapfs.snapshot import Snapshot
from snapfs.tree import many

pytestmark = requires_fuse


def _copy(name: str, target: Path, *, age: float = 100) -> Path:
    shutil.copytree(corpus.trimmed(name), target, copy_function=shutil.copyfile)
    for file in target.iterdir():
        os.utime(file, (time.time() - age, time.time() - age))
    return target


def test_several_snapshots_stand_side_by_side_and_latest_is_the_newest(tmp_path: Path) -> None:
    old = _copy("v39.0-x86_64-small", tmp_path / "s/old", age=2000)
    new = _copy("v53.0-x86_64-small", tmp_path / "s/new", age=1000)
    for arguments in ((old, new), (tmp_path / "s",)):
        with mounted(*arguments, at=tmp_path / "m") as at:
            assert sorted(os.listdir(at)) == ["LOG", "latest", "new", "old"]
            assert os.readlink(at / "latest") == "new"
            assert (at / "latest/vcpus/0/regs/rip").read_text() == (at / "new/vcpus/0/regs/rip").read_text()
            assert (at / "old/raw/state.json").read_bytes() == (old / "state.json").read_bytes()


def test_clashing_names_have_their_parent_in_front_and_a_template_decides(tmp_path: Path) -> None:
    one = _copy("v39.0-x86_64-small", tmp_path / "a/vm")
    two = _copy("v53.0-x86_64-small", tmp_path / "b/vm")
    other = _copy("v53.0-x86_64-small", tmp_path / "b/lone")
    os.utime(other / "state.json", (0, 0))
    with mounted(one, two, other, at=tmp_path / "m") as at:
        assert sorted(os.listdir(at)) == ["LOG", "a-vm", "b-vm", "latest", "lone"]
    with mounted("--name", "{parent}_{dir}_{time}", one, other, at=tmp_path / "m") as at:
        assert "b_lone_1970-01-01T00:00:00Z" in os.listdir(at)
    for nonsense in ("{nonsense}", "{dir", "{}", "{dir.__class__}", "{dir[0]}", "{dir!r}", "{dir:>9999999999}"):
        done = run("mount", "--name", nonsense, one, two, tmp_path / "m")
        assert done.returncode == 1, nonsense
        assert "{dir}, {parent}, {time}" in done.stderr


def test_directory_of_one_snapshot_still_gives_one_level(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/only")
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        assert sorted(os.listdir(at)) == ["LOG", "latest", "only"]


def test_snapshot_called_latest_wins_over_the_link(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/latest", age=5000)
    _copy("v53.0-x86_64-small", tmp_path / "s/newer")
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        assert not (at / "latest").is_symlink()
        assert (at / "latest/config").is_dir()


def test_broken_one_has_an_error_while_the_others_work(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/good")
    (tmp_path / "s/empty").mkdir()
    short = _copy("v53.0-x86_64-small", tmp_path / "s/short")
    os.truncate(short / "memory-ranges", 4096)
    os.utime(short / "memory-ranges", (1000, 1000))
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        assert (at / "good/vcpus/0/regs/rip").read_text().startswith("0x")
        assert os.listdir(at / "empty") == ["ERROR"]
        assert "none of config.json" in (at / "empty/ERROR").read_text()
        assert "memory-ranges: 4096 bytes long" in (at / "short/ERROR").read_text()
        assert (at / "short/config/cpus/boot_vcpus").exists()


def test_new_snapshot_appears_soon_and_is_an_error_until_it_is_whole(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/first")
    whole = corpus.trimmed("v39.0-x86_64-small")
    growing = tmp_path / "s/growing"
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        assert not (at / "growing").exists()
        growing.mkdir()
        shutil.copyfile(whole / "config.json", growing / "config.json")
        assert becomes(lambda: (at / "growing").exists())
        assert os.listdir(at / "growing") == ["ERROR"]
        begun = (at / "growing/ERROR").read_text()
        assert "still being written" in begun
        data = (whole / "state.json").read_bytes()
        (growing / "state.json").write_bytes(data[: len(data) // 2])
        assert becomes(lambda: (at / "growing/ERROR").read_text() != begun)
        assert os.listdir(at / "growing") == ["ERROR"]
        (growing / "state.json").write_bytes(data)
        shutil.copyfile(whole / "memory-ranges", growing / "memory-ranges")
        assert becomes(lambda: "ERROR" not in os.listdir(at / "growing"))
        assert (at / "growing/vcpus/0/regs/rip").read_text().startswith("0x")
        assert os.readlink(at / "latest") == "growing"
        shutil.rmtree(growing)
        assert becomes(lambda: not (at / "growing").exists())
        # the link is remembered by the kernel for a moment of its own
        assert becomes(lambda: os.readlink(at / "latest") == "first")


def test_error_goes_when_the_snapshot_is_whole_also_for_those_who_are_in_it(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/first")
    whole = corpus.trimmed("v39.0-x86_64-small")
    for age, held in ((100, True), (-100, False)):
        cut = _copy("v39.0-x86_64-small", tmp_path / "s/cut", age=age)
        os.truncate(cut / "memory-ranges", 4096)
        if held:  # long ago: what there is can be looked at, with the reason why it is not all
            os.utime(cut / "memory-ranges", (1000, 1000))
        with mounted(tmp_path / "s", at=tmp_path / "m") as at:
            inside = os.open(at / "cut", os.O_RDONLY)
            try:
                assert "ERROR" in os.listdir(inside)
                assert ("config" in os.listdir(inside)) is held
                assert not (at / "cut/nothing").exists()
                shutil.copyfile(whole / "memory-ranges", cut / "memory-ranges")
                time.sleep(1)
                for place in (inside, at / "cut"):
                    assert "ERROR" not in os.listdir(place)
                    assert "config" in os.listdir(place)
                assert not (at / "cut/ERROR").exists()
                os.stat("vcpus/0/regs/rip", dir_fd=inside)
            finally:
                os.close(inside)
        shutil.rmtree(cut)


def test_unreadable_snapshot_is_there_when_it_may_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    place = _copy("v53.0-x86_64-small", tmp_path / "s/vm")
    _copy("v53.0-x86_64-small", tmp_path / "s/other")
    for file in place.iterdir():
        file.chmod(0)
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        assert os.listdir(at / "vm") == ["ERROR"]
        for file in place.iterdir():
            file.chmod(0o400)
        time.sleep(1)
        assert "ERROR" not in os.listdir(at / "vm")


def test_directory_of_snapshots_can_hold_the_mount_of_itself(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/first")
    (tmp_path / "s/mine").mkdir()
    (tmp_path / "s/again").symlink_to("mine")
    for place in ("mine", "made", "first/inside"):
        with mounted(tmp_path / "s", at=tmp_path / "s" / place) as at:
            time.sleep(0.3)  # longer than what was seen on the disk is taken for true
            assert {"LOG", "first", "latest"} <= set(os.listdir(at))
            assert place not in os.listdir(at)
            assert (at / "first/config/cpus/boot_vcpus").read_bytes()


def test_replaced_snapshot_is_the_new_one(tmp_path: Path) -> None:
    place = _copy("v53.0-x86_64-small", tmp_path / "s/vm")
    with mounted(tmp_path / "s", at=tmp_path / "m") as at:
        before = (at / "vm/raw/state.json").read_bytes()
        shutil.rmtree(place)
        _copy("v39.0-x86_64-small", place)
        after = (corpus.trimmed("v39.0-x86_64-small") / "state.json").read_bytes()
        assert before != after

        def is_the_new_one() -> bool:
            try:
                return (at / "vm/raw/state.json").read_bytes() == after
            except OSError:
                return False  # the old one, whose files have gone

        assert becomes(is_the_new_one)


def test_none_of_a_thousand_snapshots_is_opened_before_it_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _copy("v53.0-x86_64-small", tmp_path / "one/vm")
    directory = tmp_path / "many"
    directory.mkdir()
    for n in range(1000):
        target = directory / f"{n}"
        target.mkdir()
        for file in source.iterdir():
            os.link(file, target / file.name)
    opened = []
    monkeypatch.setattr(many, "Snapshot", lambda path: opened.append(path) or Snapshot(path))
    root, _ = many.tree_of([str(directory)])
    assert len(root.children) == 1001
    assert len(set(opened) - {str(directory)}) == 1  # is there any in it?
    with mounted(directory, at=tmp_path / "m") as at:
        assert len(os.listdir(at)) == 1002
        assert (at / "999/vcpus/0/regs/rip").read_text().startswith("0x")


def test_more_snapshots_than_a_process_may_have_files_open_at_first(tmp_path: Path) -> None:
    for number in range(20):
        shutil.copytree(corpus.demo(), tmp_path / f"s/{number}", copy_function=os.link)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = run("mount", tmp_path / "s", tmp_path / "m", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard)))
    assert done.returncode == 0, done.stderr
    try:
        for number in range(20):
            assert (tmp_path / f"m/{number}/memory/physical").stat().st_size
    finally:
        assert run("umount", tmp_path / "m").returncode == 0


def test_snapshots_that_come_and_go_are_the_same_for_all_readers_whatever_the_processes(tmp_path: Path) -> None:
    _copy("v53.0-x86_64-small", tmp_path / "s/first")
    with mounted("-o", "processes=3", tmp_path / "s", at=tmp_path / "m") as at:
        for number in range(3):
            (tmp_path / "s/next").mkdir()
            for file in (tmp_path / "s/first").iterdir():
                os.link(file, tmp_path / "s/next" / file.name)
            assert becomes(lambda: (at / "next").exists())
            assert os.listdir(at / "next/raw"), number
            assert (at / "next/config/cpus/boot_vcpus").read_bytes() == (at / "first/config/cpus/boot_vcpus").read_bytes()
            shutil.rmtree(tmp_path / "s/next")
            assert becomes(lambda: not (at / "next").exists())
