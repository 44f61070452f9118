"""mount(8) itself, with the helpers in /sbin, a real fstab and a path that would like to be options."""

from __future__ import annotations

import re

import pytest
from mounted import requires_fuse
from namespace import private, steps

pytestmark = requires_fuse

_HOSTILE = r"""
evil='/srv/a,suid,dev b\c'
cp -r /srv/snap "$evil"
mkdir /mnt/m
"""


@pytest.mark.parametrize("kind", ["fuse.snapfs", "snapfs"])
def test_mount_by_type_of_a_path_that_smuggles_no_options(kind: str) -> None:
    said = steps(
        private(
            _HOSTILE
            + f"""
            echo == mount; mount -t {kind} "$evil" /mnt/m; echo $?
            echo == mountinfo; grep ' /mnt/m ' /proc/self/mountinfo
            echo == rip; cat /mnt/m/vcpus/0/regs/rip
            echo == umount; umount /mnt/m; echo $?
            echo == left; grep ' /mnt/m ' /proc/self/mountinfo; ls -d /mnt/m
            """
        )
    )
    assert said["mount"] == "0\n"
    before, _, after = said["mountinfo"].partition(" - ")
    assert set(before.split()[5].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}
    assert not {"rw", "suid", "dev", "exec"} & set(before.split()[5].split(","))
    kind, source, options = after.split()
    assert (kind, source) == ("fuse.snapfs", r"/srv/a,suid,dev\040b\134c")
    assert {"ro", "user_id=0", "group_id=0", "default_permissions"} <= set(options.split(","))
    assert not {"rw", "suid", "dev", "allow_other"} & set(options.split(","))
    assert re.fullmatch("0x[0-9a-f]{16}\n", said["rip"])
    assert (said["umount"], said["left"]) == ("0\n", "/mnt/m\n")


def test_every_line_of_fstab_is_mounted_once() -> None:
    said = steps(
        private(
            _HOSTILE
            + r"""
            mkdir /mnt/n /mnt/o
            printf '%s\n' '/srv/a,suid,dev\040b\134c /mnt/m fuse.snapfs nofail,_netdev,x-foo=bar,uid=7 0 0' \
                '/srv/snap /mnt/n snapfs ro,user,umask=077,X-mount.note=1,comment=x 0 0' \
                '/srv/snap /mnt/o fuse.snapfs noauto 0 0' >/mnt/fstab
            echo == first; mount -a; echo $?
            echo == second; mount -a -v; echo $?
            echo == count; grep -c fuse.snapfs' /srv' /proc/self/mountinfo
            echo == modes; stat -c '%u %a' /mnt/m/README /mnt/n/README
            echo == noauto; mount /mnt/o; echo $?
            echo == again; mount /mnt/o; echo $?
            echo == umount; umount -a -t fuse.snapfs; echo $?
            echo == left; grep -c fuse.snapfs' /srv' /proc/self/mountinfo
            """
        )
    )
    assert said["first"] == "0\n"
    assert said["second"].replace(":", " ").split() == [
        "/mnt/m",
        "already",
        "mounted",
        "/mnt/n",
        "already",
        "mounted",
        "/mnt/o",
        "ignored",
        "0",
    ]
    assert said["count"] == "2\n"
    assert said["modes"] == "7 400\n0 400\n"
    assert said["noauto"] == "0\n"
    assert "/srv/snap is mounted here already" in said["again"]
    assert said["again"].endswith("\n32\n")
    assert (said["umount"], said["left"]) == ("0\n", "0\n")


def test_exit_codes_are_those_of_mount() -> None:
    said = steps(
        private(
            """
            mkdir /mnt/m /mnt/empty
            echo == unknown; mount -t fuse.snapfs /srv/snap /mnt/m -o gold; echo $?
            echo == number; mount.snapfs /srv/snap /mnt/m -o uid=me; echo $?
            echo == missing; mount -t fuse.snapfs /srv/none /mnt/m; echo $?
            echo == none; mount -t snapfs /mnt/empty /mnt/m; echo $?
            echo == point; mount.snapfs /srv/snap /mnt/no/where; echo $?
            echo == words; mount.snapfs /srv/snap; echo $?
            echo == flag; mount.snapfs -Z /srv/snap /mnt/m; echo $?
            echo == left; grep -c ' /mnt/m ' /proc/self/mountinfo
            """
        )
    )
    assert "-o gold: not an option of snapfs; those are allow_other, allow_root, uid=N" in said["unknown"]
    assert "a number from 0" in said["number"]
    assert "name a snapshot and a mount point" in said["words"]
    assert {name: said[name].splitlines()[-1] for name in ("unknown", "number", "words", "flag")} == dict.fromkeys(
        ("unknown", "number", "words", "flag"), "1"
    )
    assert "/srv/none: No such file or directory" in said["missing"]
    assert "none of config.json" in said["none"]
    assert "/mnt/no does not exist" in said["point"]
    assert {said[name].splitlines()[-1] for name in ("missing", "none", "point")} == {"32"}
    assert said["left"] == "0\n"


def test_flags_that_mount_passes_on() -> None:
    said = steps(
        private(
            """
            mkdir /mnt/m
            echo == sloppy; mount -s -t fuse.snapfs /srv/snap /mnt/m -o gold; echo $?; umount /mnt/m; echo $?
            echo == fake; mount -f -t fuse.snapfs /srv/snap /mnt/m; echo $?; umount /mnt/m 2>/dev/null; echo $?
            echo == fake of nothing; mount.snapfs -f /srv/none /mnt/m; echo $?
            echo == quiet; mount -n -t snapfs /srv/snap /mnt/m; echo $?; umount /mnt/m; echo $?
            echo == loud; mount -v -t snapfs /srv/snap /mnt/m; echo $?; umount /mnt/m; echo $?
            echo == type; mount.fuse.snapfs /srv/snap /mnt/m -n -t fuse.snapfs -o rw,noatime; echo $?; umount /mnt/m; echo $?
            echo == warned; mount.snapfs /srv/snap /mnt/m -o rw,suid,dev,exec; echo $?; umount /mnt/m; echo $?
            """
        )
    )
    assert said["sloppy"] == "0\n0\n"
    assert said["fake"] == "0\n32\n"
    assert said["fake of nothing"].endswith("\n32\n")
    assert said["quiet"] == "0\n0\n"
    assert said["loud"] == "mount.snapfs: /srv/snap on /mnt/m\n0\n0\n"
    assert said["type"] == "0\n0\n"
    assert [line.split(" is ")[0] for line in said["warned"].splitlines()[:-2]] == [
        f"mount.snapfs: warning: -o {word}" for word in ("suid", "dev", "exec")
    ]
    assert said["warned"].splitlines()[-2:] == ["0", "0"]


def test_mount_in_another_namespace_that_has_neither_python_nor_snapfs() -> None:
    said = steps(
        private(
            """
            mkdir /mnt/m
            unshare --mount --propagation private sleep 60 & other=$!
            while [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.01; done
            for place in "$LIBRARY" "$ENVIRONMENT" "$REPOSITORY"; do nsenter --target $other --mount mount -t tmpfs tmpfs "$place"; done
            echo == mount; mount -N $other -t fuse.snapfs /srv/snap /mnt/m; echo $?
            echo == here; grep -c ' /mnt/m ' /proc/self/mountinfo
            echo == there; grep -c ' /mnt/m ' /proc/$other/mountinfo
            echo == read; (cd /proc/$other/root/mnt/m; grep -r xyzzy config state vcpus devices)
            cat /proc/$other/root/mnt/m/vcpus/0/regs/rip
            echo == error; nsenter --target $other --mount cat /mnt/m/LOG | grep -c ERROR
            echo == umount; nsenter --target $other --mount umount /mnt/m; echo $?
            kill $other
            """
        )
    )
    assert said["mount"] == "0\n"
    assert (said["here"], said["there"]) == ("0\n", "1\n")
    assert re.fullmatch("0x[0-9a-f]{16}\n", said["read"])
    assert (said["error"], said["umount"]) == ("0\n", "0\n")


def test_user_mounts_and_unmounts_what_fstab_lets_users() -> None:
    said = steps(
        private(
            """
            if [ -n "${LIBMOUNT_FSTAB-}" ]; then echo == mount; echo no fstab; exit 0; fi
            mkdir /mnt/m && chown 65534 /mnt/m
            echo '/srv/snap /mnt/m fuse.snapfs noauto,user 0 0' >/mnt/fstab
            echo == mount; as 65534 mount /mnt/m; echo $?
            echo == owner; grep -o 'user_id=[0-9]*' <(grep ' /mnt/m ' /proc/self/mountinfo); as 65534 stat -c %u /mnt/m/README
            echo == root; cat /mnt/m/README
            echo == umount; as 65534 umount /mnt/m; echo $?
            """
        )
    )
    if said["mount"] == "no fstab\n":
        pytest.skip("there is no /etc/fstab that could be covered, and a setuid mount(8) reads no other")
    assert said["mount"] == "0\n"
    assert said["owner"] == "user_id=65534\n65534\n"
    assert "Permission denied" in said["root"]
    assert said["umount"] == "0\n"
