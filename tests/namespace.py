"""Shell scripts in a mount and process namespace of their own, where a test may be root of everything: what they mount, cover
or start is gone with them, and the machine is as it was.

Inside, /mnt and /srv are empty and everybody's to pass, the sample snapshot is /srv/snap, mount(8) finds the helpers
of this snapfs in /sbin, `/etc/fstab` is the file /mnt/fstab, /dev/fuse is open to all as udev makes it, and `as UID COMMAND...`
runs as another user, for whom Python and snapfs are in reach wherever they lie.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import corpus
import pytest

__all__ = ["private", "requires_root", "steps"]

_REPOSITORY = Path(__file__).resolve().parents[1]
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")

_PRELUDE = r"""
set -u
umask 022
# our copies of the mounts of others, whose processes would wait for us; none is looked at, it may not answer
while read -r _ at type _; do
    [ "$type" = fuse.snapfs ] && umount --no-canonicalize --internal-only --no-mtab --lazy "$(printf %b "$at")"
done </proc/self/mounts
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/keep /mnt/home
chmod 777 /mnt/home
# what lies in a directory that is closed to others is put where it was, with nothing beside it and nothing closed above it;
# the repository first, since the environment may lie in it
number=0
for place in "$INTERPRETER" "$REPOSITORY" "$ENVIRONMENT"; do
    number=$((number + 1))
    mkdir "/mnt/keep/$number" && mount --bind "$place" "/mnt/keep/$number"
done
mkdir /mnt/keep/sample && mount --bind "$SAMPLE" /mnt/keep/sample
number=0
for place in "$INTERPRETER" "$REPOSITORY" "$ENVIRONMENT"; do
    number=$((number + 1))
    above=$place closed=
    while [ "$above" != / ]; do
        above=$(dirname "$above")
        case $(stat -c %a "$above") in *[02468]) closed=$above ;; esac
    done
    [ -n "$closed" ] && mount -t tmpfs -o mode=755 tmpfs "$closed"
    [ -d "$place" ] || { mkdir -p "$place" && mount --bind "/mnt/keep/$number" "$place"; }
done
mount -t tmpfs -o mode=755 tmpfs /srv
mkdir /srv/snap && cp /mnt/keep/sample/* /srv/snap/ && chmod 644 /srv/snap/*
mount -t tmpfs -o mode=755 tmpfs /sbin
for name in mount.snapfs mount.fuse.snapfs; do
    printf '#!%s -EP\nimport sys\nsys.path.insert(0, "%s")\nfrom snapfs.cli import main\nmain()\n' "$PYTHON" "$REPOSITORY" >/sbin/$name
    chmod 755 /sbin/$name
done
touch /mnt/fstab
if [ -e /etc/fstab ]; then mount --bind /mnt/fstab /etc/fstab; else export LIBMOUNT_FSTAB=/mnt/fstab; fi
if [ -c /dev/fuse ]; then mknod -m 666 /mnt/fuse c 10 229 && chmod 666 /mnt/fuse && mount --bind /mnt/fuse /dev/fuse; fi
printf 'user_allow_other\n' >/mnt/fuse.conf
export HOME=/mnt/home PYTHONPATH=$REPOSITORY PATH=$(dirname "$PYTHON"):$PATH
snapfs() { "$PYTHON" -m snapfs "$@"; }
as() { local uid=$1; shift; setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"; }
exec 2>&1
"""


@cache
def _unusable() -> str | None:
    if os.geteuid():
        return "a namespace in which everything can be mounted needs root"
    missing = [program for program in ("unshare", "setpriv", "mount") if shutil.which(program) is None]
    if missing:
        return f"{missing[0]} is not installed"
    done = subprocess.run([*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
    return f"no namespaces here: {done.stderr.strip()}" if done.returncode else None


def requires_root() -> None:
    """Skips a test where there can be no private namespace."""
    reason = _unusable()
    if reason:
        pytest.skip(reason)


def private(script: str, *, timeout: float = 180) -> str:
    """Runs a script in bash and returns what it said on both streams."""
    requires_root()
    environment = {
        **os.environ,
        "INTERPRETER": sys.base_prefix,
        "LIBRARY": sysconfig.get_path("stdlib"),
        "ENVIRONMENT": sys.prefix,
        "PYTHON": sys.executable,
        "REPOSITORY": str(_REPOSITORY),
        "SAMPLE": str(corpus.demo()),
        "LC_ALL": "C",
    }
    for name in ("SUDO_UID", "SUDO_USER", "NOTIFY_SOCKET"):
        environment.pop(name, None)
    done = subprocess.run(
        [*_UNSHARE, "bash", "-c", _PRELUDE + script + "\nexit 0\n"], capture_output=True, timeout=timeout, env=environment, check=False
    )
    said = (done.stdout + done.stderr).decode(errors="backslashreplace")
    assert done.returncode == 0, said
    return said


def steps(said: str) -> dict[str, str]:
    """What a script said behind each line `== name`."""
    pieces = re.split(r"^== (.*)\n", said, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))
