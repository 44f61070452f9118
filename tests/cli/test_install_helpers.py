"""`snapfs install-helpers`, into a directory that stands for the system's root."""

import os
import stat
import subprocess
import sys

import commands
import pytest

SHARE = "usr/local/share"

# where it is refused, which has its own test
needs_plain_path = pytest.mark.skipif(" " in sys.executable, reason="a script cannot name this interpreter")


def files(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


@needs_plain_path
def test_helpers_and_completions_stand_where_the_system_looks(run, tmp_path):
    assert run("install-helpers", "--trust", "--root", tmp_path).code == 0
    found = files(tmp_path)
    assert [f for f in found if "/man/" not in f] == [
        "etc/fish/completions/snapfs.fish",
        "sbin/mount.fuse.snapfs",
        "sbin/mount.snapfs",
        f"{SHARE}/bash-completion/completions/snapfs",
        f"{SHARE}/zsh/site-functions/_snapfs",
    ]
    assert stat.S_IMODE((tmp_path / "sbin/mount.snapfs").stat().st_mode) == 0o755
    assert (tmp_path / SHARE / "zsh/site-functions/_snapfs").read_text().startswith("#compdef snapfs\n")


@needs_plain_path
def test_a_helper_is_the_mount_helper_and_listens_to_no_variable(run, tmp_path):
    run("install-helpers", "--trust", "--root", tmp_path)
    first, *rest = (tmp_path / "sbin/mount.snapfs").read_text().splitlines()
    assert first == f"#!{sys.executable} -EP"
    script = tmp_path / "mount.snapfs"
    script.write_text("\n".join(rest))
    result = subprocess.run(
        [sys.executable, script, "-h"], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY)}
    )
    assert (result.returncode, result.stdout.split()[0]) == (0, "mount.snapfs")


def test_uninstall_takes_everything_back_and_nothing_else(run, tmp_path):
    (tmp_path / SHARE / "man/man1").mkdir(parents=True)
    (tmp_path / SHARE / "man/man1/snapfs.1").write_text("somebody else's")
    (tmp_path / SHARE / "man/man1/other.1").write_text("")
    assert run("install-helpers", "--trust", "--root", tmp_path, "--uninstall").out == "nothing to remove\n"
    (tmp_path / SHARE / "man/man1/snapfs.1").rename(tmp_path / "kept")
    run("install-helpers", "--trust", "--root", tmp_path)
    assert run("install-helpers", "--root", tmp_path, "--uninstall").code == 0
    assert files(tmp_path) == ["kept", f"{SHARE}/man/man1/other.1"]


@needs_plain_path
def test_what_is_not_ours_is_not_replaced(run, tmp_path):
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/mount.snapfs").write_text("somebody else's")
    answer = run("install-helpers", "--trust", "--root", tmp_path)
    assert answer.code == 4
    assert "not from this command" in answer.err
    assert (tmp_path / "sbin/mount.snapfs").read_text() == "somebody else's"


def test_installing_twice_is_once(run, tmp_path):
    first = run("install-helpers", "--trust", "--root", tmp_path).out
    assert run("install-helpers", "--trust", "--root", tmp_path).out == first


def test_root_does_not_run_what_others_can_change(run, tmp_path, monkeypatch):
    place = tmp_path / "bin"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    (place / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(place / "python"))
    answer = run("install-helpers", "--root", tmp_path / "system")
    assert answer.code == 1
    assert "--trust" in answer.err
    assert not (tmp_path / "system").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="only for others than root")
def test_others_than_root_are_told_how(run):
    answer = run("install-helpers")
    assert answer.code == 4
    assert "sudo" in answer.err


def test_an_interpreter_that_a_script_cannot_name_is_a_sentence(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/with blank/python")
    answer = run("install-helpers", "--trust", "--root", tmp_path)
    assert answer.code == 1
    assert "install snapfs under a shorter path without blanks" in answer.err
    assert files(tmp_path) == []
