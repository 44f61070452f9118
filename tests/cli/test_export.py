"""`snapfs export` as a command: names, exit codes, and what it says. The bytes are the business of tests/export."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from shlex import quote

import commands
import corpus


def cut(tmp_path):
    """The sample with half of its memory file."""
    place = tmp_path / "cut"
    shutil.copytree(corpus.demo(), place)
    (place / "memory-ranges").chmod(0o600)
    os.truncate(place / "memory-ranges", 8 << 20)
    return place


def test_a_file_is_copied(run, tmp_path):
    assert run("export", "--demo", "vcpus/1/regs/rax", tmp_path / "rax") == commands.Answer(0, "", "")
    assert (tmp_path / "rax").read_text() == "0x1111aaaa00000001\n"


def test_an_existing_destination_is_error_4_unless_forced(run, tmp_path):
    (tmp_path / "rax").write_text("mine")
    answer = run("export", "--demo", "vcpus/1/regs/rax", tmp_path / "rax")
    assert answer.code == 4
    assert "--force" in answer.err
    assert run("export", "--demo", "--force", "vcpus/1/regs/rax", tmp_path / "rax").code == 0
    assert (tmp_path / "rax").read_text() == "0x1111aaaa00000001\n"


def test_force_replaces_neither_the_snapshot_nor_what_holds_it(run, tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "all/snapshot")
    for dest in ("all", "all/snapshot", "all/snapshot/new"):
        answer = run("export", "--force", tmp_path / "all/snapshot", "vcpus/1/regs", tmp_path / dest)
        assert answer.code == 4
        assert "evidence" in answer.err
    assert sorted(os.listdir(tmp_path / "all/snapshot")) == sorted(os.listdir(corpus.demo()))


def test_the_whole_tree_has_memory_once_and_says_so(run, tmp_path):
    answer = run("export", "--demo", ".", tmp_path / "all")
    assert answer.code == 0
    assert "memory/physical" in answer.err
    assert (tmp_path / "all/raw/memory-ranges").stat().st_size == 16 << 20
    assert not (tmp_path / "all/memory/physical").exists()
    used = sum(f.stat().st_blocks * 512 for f in (tmp_path / "all").rglob("*") if f.stat().st_size > 1 << 20)
    # file systems differ in what they count for a file of many pieces
    assert used <= (corpus.demo() / "memory-ranges").stat().st_blocks * 512 + (64 << 10)


def test_a_tar_goes_to_stdout(tmp_path):
    result = commands.program("export", "--demo", "vcpus/1/regs", "-")
    assert (result.returncode, result.stderr) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as tar:
        assert tar.extractfile("regs/rax").read() == b"0x1111aaaa00000001\n"


def test_a_destination_that_ends_in_tar_is_one(run, tmp_path):
    assert run("export", "--demo", "config", tmp_path / "config.tar").code == 0
    with tarfile.open(tmp_path / "config.tar") as tar:
        assert tar.extractfile("config/cpus/boot_vcpus").read() == b"2\n"


def test_missing_memory_is_error_14_and_leaves_nothing(run, tmp_path):
    place = cut(tmp_path)
    answer = run("export", place, "memory/physical", tmp_path / "out")
    assert answer.code == 14
    assert "--fill-gaps" in answer.err
    assert sorted(os.listdir(tmp_path)) == ["cut"]
    answer = run("export", "--fill-gaps", place, "memory/physical", tmp_path / "out")
    assert answer.code == 14
    assert "zeros were written for 8388608 bytes" in answer.err
    assert (tmp_path / "out").read_bytes() == (corpus.demo() / "memory-ranges").read_bytes()[: 8 << 20] + bytes(8 << 20)


def test_what_is_damaged_is_error_3_and_the_rest_is_there(run, tmp_path):
    place = tmp_path / "damaged"
    shutil.copytree(corpus.demo(), place)
    (place / "state.json").chmod(0o600)
    (place / "state.json").write_text("{")
    answer = run("export", place, ".", tmp_path / "out", "--json")
    assert answer.code == 3
    assert (tmp_path / "out/raw/state.json").read_text() == "{"
    assert (tmp_path / "out/config/cpus/boot_vcpus").read_text() == "2\n"
    assert json.loads(answer.out)["dest"] == str(tmp_path / "out")


def test_a_path_that_is_not_there_is_error_2(run, tmp_path):
    assert run("export", "--demo", "vcpus/9", tmp_path / "out").code == 2
    assert os.listdir(tmp_path) == []


def test_evidence_is_not_written_to(run, tmp_path):
    place = tmp_path / "s"
    shutil.copytree(corpus.demo(), place)
    answer = run("export", place, "config", place / "copy")
    assert answer.code == 4
    assert "evidence" in answer.err
    assert sorted(os.listdir(place)) == ["config.json", "memory-ranges", "state.json"]


def test_a_reader_that_has_had_enough_ends_an_archive_in_silence():
    script = f"{quote(sys.executable)} -m snapfs export -q --demo . - | head -c 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], capture_output=True, env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY)})
    assert (result.returncode, result.stderr) == (141, b"")


def test_a_full_disk_behind_an_archive_is_a_sentence():
    with open("/dev/full", "wb") as full:
        result = commands.program("export", "-q", "--demo", "raw", "-", stdout=full)
    assert (result.returncode, result.stderr) == (4, b"snapfs: standard output: No space left on device\n")


def test_an_interrupted_export_leaves_nothing(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "snapfs", "export", "--demo", "--all", ".", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY)},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not os.listdir(tmp_path) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGTERM)
    code = child.wait(60)
    child.stderr.close()
    assert os.listdir(tmp_path) == (["out"] if code == 0 else [])
    assert code in (0, 128 + signal.SIGTERM)
