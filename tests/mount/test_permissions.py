"""Who sees a mount: with real users, the mounter's own, root, and a third one."""

from __future__ import annotations

import re

import pytest
from mounted import requires_fuse
from namespace import private, steps

pytestmark = requires_fuse

_MINE = "mkdir -p /mnt/u/m; chmod 755 /mnt/u; chown -R 65534 /mnt/u; P='python -m snapfs'\n"
_LOOKS = "for who in 0 65534 1234; do as $who cat /mnt/u/m/config/cpus/boot_vcpus 2>/dev/null || echo no; done"


@pytest.mark.parametrize(
    ("options", "root", "mine", "other", "modes"),
    [
        ("ro", "no", "2", "no", "500 65534 400 65534"),
        ("umask=022", "no", "2", "no", "555 65534 444 65534"),
        ("allow_root", "2", "2", "no", "500 65534 400 65534"),
        ("allow_other", "2", "2", "no", "500 65534 400 65534"),
        ("allow_other,umask=022", "2", "2", "2", "555 65534 444 65534"),
        ("allow_other,umask=027", "2", "2", "no", "550 65534 440 65534"),
        ("allow_other,uid=1234,gid=1234", "2", "no", "2", "500 1234 400 1234"),
    ],
)
def test_who_may_look_at_the_mount_of_a_user(options: str, root: str, mine: str, other: str, modes: str) -> None:
    said = steps(
        private(
            _MINE
            + f"""
            mount --bind /mnt/fuse.conf /etc/fuse.conf
            echo == mount; as 65534 $P mount -o {options} /srv/snap /mnt/u/m; echo $?
            echo == looks; {_LOOKS}
            echo == modes; as 65534 stat -c '%a %u' /mnt/u/m /mnt/u/m/README
            echo == umount; as 65534 $P umount /mnt/u/m; echo $?
            """
        )
    )
    assert said["mount"] == "0\n"
    assert said["looks"].split() == [root, mine, other]
    if mine != "no":
        assert said["modes"].split() == modes.split()
    assert said["umount"] == "0\n"


def test_mount_of_root_is_seen_by_others_only_when_asked_and_says_so_under_sudo() -> None:
    said = steps(
        private(
            _MINE
            + f"""
            export SUDO_UID=1234
            echo == plain; $P mount /srv/snap /mnt/u/m; echo $?; {_LOOKS}; $P umount /mnt/u/m
            echo == helper; mount -t fuse.snapfs /srv/snap /mnt/u/m; echo $?; {_LOOKS}; umount /mnt/u/m
            echo == followed; $P mount -o allow_other,uid=1234 /srv/snap /mnt/u/m; echo $?; {_LOOKS}; $P umount /mnt/u/m
            echo == quiet; $P -q mount /srv/snap /mnt/u/m; echo $?; $P umount /mnt/u/m
            unset SUDO_UID
            echo == root; $P mount /srv/snap /mnt/u/m; echo $?; {_LOOKS}; $P umount /mnt/u/m
            """
        )
    )
    for way in ("plain", "helper"):
        message, *rest = said[way].splitlines()
        assert "-o allow_other,uid=1234" in message
        assert "allow_root" in message
        assert rest == ["0", "2", "no", "no"]
    assert said["followed"].split() == ["0", "2", "no", "2"]
    assert said["quiet"] == "0\n"
    assert said["root"].split() == ["0", "2", "no", "no"]


def test_fuse_conf_that_lets_no_user_ask_for_others() -> None:
    said = steps(
        private(
            _MINE
            + """
            : >/mnt/fuse.conf; mount --bind /mnt/fuse.conf /etc/fuse.conf
            echo == other; as 65534 $P mount -o allow_other /srv/snap /mnt/u/m; echo $?
            echo == root; as 65534 $P mount -o allow_root /srv/snap /mnt/u/m; echo $?
            echo == left; grep -c ' /mnt/u/m ' /proc/self/mountinfo
            """
        )
    )
    for way in ("other", "root"):
        message, code = said[way].splitlines()
        assert "add the line user_allow_other to /etc/fuse.conf" in message
        assert code == "15"
    assert said["left"] == "0\n"


def test_what_a_user_may_not_use() -> None:
    said = steps(
        private(
            _MINE
            + """
            mkdir /mnt/m
            echo == point; as 65534 $P mount /srv/snap /mnt/m; echo $?
            echo == made; as 65534 $P mount /srv/snap /mnt/new; echo $?
            chmod 600 /srv/snap/*
            echo == files; as 65534 $P mount /srv/snap /mnt/u/m; echo $?; as 65534 $P cat /srv/snap config/cpus/boot_vcpus; echo $?
            chmod 700 /srv/snap
            echo == directory; as 65534 $P mount /srv/snap /mnt/u/m; echo $?
            chmod 755 /srv/snap; chmod 644 /srv/snap/*
            echo == mount; $P mount /srv/snap /mnt/u/m; as 1234 $P umount /mnt/u/m; echo $?
            echo == end; $P umount /mnt/u/m; echo $?
            """
        )
    )
    for name, code, words in (
        ("point", 10, "/mnt/m: no write permission"),
        ("made", 10, "/mnt/new: cannot be made: Permission denied"),
        ("directory", 11, "/srv/snap: Permission denied"),
    ):
        *lines, last = said[name].splitlines()
        assert (len(lines), last) == (1, str(code)), said[name]
        assert words in lines[0]
    assert re.match("snapfs: /srv/snap.*: Permission denied; check its permissions\n11\n", said["files"]), said["files"]
    assert re.match("snapfs: /mnt/u/m: .*; only root and who mounted it can unmount it\n10\n", said["mount"]), said["mount"]
    assert said["end"] == "0\n"
