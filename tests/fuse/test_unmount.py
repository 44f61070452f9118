"""Unmounting where it does not work at once, and why a mount failed: told apart without libfuse's words, which change."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from snapfs.errors import Busy, FuseUnavailable, MountError
from snapfs.fuse import session, unmount
from snapfs.fuse.mountpoint import Mounted

HERE = Mounted("0:99", "/m", "fuse.snapfs", "/s")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, busy: int, *, gone: bool = False) -> None:
        self.tries = 0
        self.slept = 0.0
        self._busy = busy
        self._gone = gone
        monkeypatch.setattr(unmount, "detach", self._detach)
        monkeypatch.setattr(unmount, "is_there", lambda *_: not gone)
        monkeypatch.setattr(unmount, "holders", lambda _: iter(()))
        monkeypatch.setattr(unmount.time, "sleep", self._sleep)
        # the machine stood still for an hour between any two looks at the clock
        monkeypatch.setattr(unmount.time, "monotonic", iter(range(0, 10**9, 3600)).__next__)

    def _detach(self, path: str, *, lazy: bool) -> None:
        self.tries += 1
        if self._gone:
            raise MountError(f"{path}: {os.strerror(errno.EINVAL)}")
        if self.tries <= self._busy:
            raise Busy(path)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds


def test_machine_that_stood_still_does_not_use_up_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, busy=6)
    unmount._detach_when_free("/m", HERE, lazy=False, patience=5)
    assert clock.tries == 7
    assert 0 < clock.slept <= 5


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, busy=1000)
    with pytest.raises(Busy, match="in use"):
        unmount._detach_when_free("/m", HERE, lazy=False, patience=5)
    assert 3 < clock.slept <= 5


def test_mount_that_somebody_else_took_away_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, busy=0, gone=True)
    unmount._detach_when_free("/m", HERE, lazy=False, patience=5)


@pytest.mark.parametrize("words", ["failed to unmount", "could not take away"])
def test_fusermount_says_busy_in_the_words_of_the_c_library(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fusermount3"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for number, kind in ((errno.EBUSY, Busy), (errno.EPERM, MountError)):
        program.write_text(f'#!/bin/sh\necho "fusermount3: {words} $3: {os.strerror(number)}" >&2; exit 1\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        with pytest.raises(MountError) as caught:
            unmount.detach("/m")
        assert type(caught.value) is kind


@pytest.mark.parametrize("words", ["fuse: mount failed: ", "fusermount3: new words: ", ""])
def test_why_a_mount_failed_is_asked_of_the_system(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def why(said: int, device: int | None, uid: int = 0, *, others: bool = False) -> MountError:
        monkeypatch.setattr(session, "_device_error", lambda: device)
        monkeypatch.setattr(session, "_others_allowed", lambda: False)
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        return session._why("/m", words + os.strerror(said), asks_for_others=others)

    for number, answer in ((errno.ENOENT, "there is no /dev/fuse"), (errno.ENODEV, "has no driver"), (errno.EACCES, "let this user open")):
        found = why(number, number)
        assert isinstance(found, FuseUnavailable)
        assert answer in str(found)
    assert "CAP_SYS_ADMIN" in str(why(errno.EPERM, None))
    assert "user_allow_other" in str(why(errno.EPERM, None, 1000, others=True))
    assert "user_allow_other" not in str(why(errno.EPERM, None, others=True))
    assert type(why(errno.EINVAL, None)) is MountError
    assert "setuid root" in str(why(errno.EPERM, None, 1000))


def test_limit_of_mounts_is_not_taken_for_a_missing_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_device_error", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = "fusermount3: too many FUSE filesystems mounted; mount_max=N can be set in /etc/fuse.conf"
    found = str(session._why("/m", said, asks_for_others=False))
    assert "unmount some" in found
    assert "setuid" not in found
