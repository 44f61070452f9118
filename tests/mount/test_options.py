from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from shlex import quote

import corpus
import pytest
from mounted import mounted, requires_fuse, run
from namespace import private, steps

pytestmark = requires_fuse

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users")


def row(at: Path) -> tuple[set[str], str, str]:
    """Options, type and source of a mount as mountinfo has them."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="latin-1").splitlines():
        fields = line.split(" ")
        if fields[4] == str(at):
            rest = fields.index("-")
            return {*fields[5].split(","), *fields[rest + 3].split(",")}, fields[rest + 1], fields[rest + 2]
    raise AssertionError(f"{at} is not mounted")


def as_nobody(script: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", "sh", "-c", script, "sh", *map(str, arguments)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )


def test_mount_is_always_read_only_without_suid_dev_exec(tmp_path: Path) -> None:
    with mounted("--demo", "-o", "rw,defaults,nofail,x-y=z", at=tmp_path / "m") as at:
        options, kind, source = row(at)
    assert {"ro", "nosuid", "nodev", "noexec", "default_permissions"} <= options
    assert "allow_other" not in options
    assert kind == "fuse.snapfs"
    assert source == str(corpus.demo())


def test_hostile_directory_name_smuggles_nothing_in(tmp_path: Path) -> None:
    hostile = tmp_path / "a,suid,dev b\\c"
    shutil.copytree(corpus.demo(), hostile)
    with mounted(hostile, at=tmp_path / "m") as at:
        options, _, source = row(at)
        assert (at / "README").exists()
    assert {"nosuid", "nodev"} <= options
    assert not {"suid", "dev", "dev b\\c"} & options
    assert source == str(hostile).replace("\\", "\\134").replace(" ", "\\040")


def test_name_that_is_not_utf8_can_be_mounted(tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4 \n")
    shutil.copytree(corpus.demo(), strange)
    done = run("mount", strange, tmp_path / "m", env={**os.environ, "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m/README").exists()
    assert run("umount", tmp_path / "m", env={**os.environ, "LC_ALL": "C"}).returncode == 0


def test_unknown_option_is_refused_before_anything_is_mounted(tmp_path: Path) -> None:
    done = run("mount", "--demo", "-o", "blub", tmp_path / "m")
    assert done.returncode == 1
    assert "umask=OCTAL" in done.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_exec_is_accepted_with_a_warning(form: tuple[str, ...], tmp_path: Path) -> None:
    done = run("mount", *form, "--demo", "-o", "exec", tmp_path / "m")
    assert done.returncode == 0
    said = "-o exec is ignored: a snapfs mount is always noexec"
    assert done.stderr == (json.dumps({"warning": said}) if form else f"snapfs: warning: {said}") + "\n"
    assert "noexec" in row(tmp_path / "m")[0]
    assert run("umount", tmp_path / "m").returncode == 0


def test_modes_and_owner(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        file, directory = (at / "README").stat(), (at / "vcpus").stat()
        assert (file.st_mode & 0o7777, directory.st_mode & 0o7777) == (0o400, 0o500)
        assert (file.st_uid, file.st_gid) == (os.geteuid(), os.getegid())
    with mounted("--demo", "-o", "uid=12,gid=34,umask=027", at=tmp_path / "m") as at:
        file, directory = (at / "README").stat(), (at / "vcpus").stat()
        assert (file.st_mode & 0o7777, directory.st_mode & 0o7777) == (0o440, 0o550)
        assert (file.st_uid, file.st_gid) == (12, 34)


@as_root
def test_other_users_see_nothing_unless_asked(open_path: Path) -> None:
    with mounted("--demo", "-o", "umask=0", at=open_path / "m") as at:
        assert as_nobody('cat "$1/README"', at).returncode != 0
    with mounted("--demo", "-o", "allow_other", at=open_path / "m") as at:
        assert as_nobody('ls "$1"', at).returncode != 0
    with mounted("--demo", "-o", "allow_other,umask=022", at=open_path / "m") as at:
        assert as_nobody('cat "$1/README"', at).returncode == 0
        assert as_nobody('echo x > "$1/README"', at).returncode != 0
    with mounted("--demo", "-o", f"allow_other,uid={NOBODY}", at=open_path / "m") as at:
        assert as_nobody('cat "$1/vcpus/0/regs/rip"', at).stdout.startswith("0x")


def test_unprivileged_user_mounts_for_himself_alone() -> None:
    said = steps(
        private(
            """
            mkdir /mnt/u; chown 65534 /mnt/u; cd /mnt/u
            echo == mount; as 65534 python -m snapfs mount /srv/snap m; echo $?
            echo == rip; as 65534 cat m/vcpus/0/regs/rip
            echo == root; cat m/README >/dev/null 2>&1 || echo denied
            echo == umount; as 65534 python -m snapfs umount m; echo $?
            echo == left; ls
            """
        )
    )
    assert said["mount"] == "0\n"
    assert re.fullmatch("0x[0-9a-f]{16}\n", said["rip"])
    assert said["root"] == "denied\n"
    assert (said["umount"], said["left"]) == ("0\n", "")


@as_root
def test_sudo_is_told_of_the_options_that_let_the_user_look(tmp_path: Path) -> None:
    done = run("mount", "--demo", tmp_path / "m", env={**os.environ, "SUDO_UID": "1000"})
    assert run("umount", tmp_path / "m").returncode == 0
    assert "uid=1000" in done.stderr
    assert "allow_root" in done.stderr


def test_missing_fuse_is_15_and_names_what_works_without_it(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("hiding /dev/fuse needs root")
    snapfs = f"{quote(sys.executable)} -m snapfs"
    script = f"mount -t tmpfs none /dev && mknod /dev/null c 1 3 && exec {snapfs} mount --demo {quote(str(tmp_path / 'm'))}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 15, done.stderr
    assert "no /dev/fuse" in done.stderr
    assert "snapfs ls" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_unprivileged_container_mounts_or_says_why(tmp_path: Path) -> None:
    snapfs, at = f"{quote(sys.executable)} -m snapfs", tmp_path / "m"
    script = f"{snapfs} mount --demo {quote(str(at))} && cat {quote(str(at))}/vcpus/0/regs/rip && {snapfs} umount {quote(str(at))}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    if done.returncode:
        assert done.returncode == 15
        assert len(done.stderr.splitlines()) == 1
    else:
        assert done.stdout.startswith("0x")
