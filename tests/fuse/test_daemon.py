from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapfs.errors import NotASnapshot, SnapfsError
from snapfs.fuse.daemon import LEAVE, Announcer, detached


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Who has called `detached` is about to end, and listens to no signal any more; pytest goes on."""
    before = {number: signal.getsignal(number) for number in LEAVE}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_child_stays_in_the_group_of_the_caller_until_it_has_mounted(tmp_path: Path) -> None:
    # autofs lets the process group that mounts for it pass, and makes everybody else wait for the mount
    announcer = Announcer()

    def serve() -> int:
        before = os.getpgid(0), os.getsid(0)
        announcer.mounted()
        (tmp_path / "groups").write_text(f"{before[0]} {before[1]} {os.getpgid(0)} {os.getsid(0)} {os.getpid()}")
        announcer.ready()
        return 0

    detached(announcer, serve, list)
    group, session, own_group, own_session, child = map(int, (tmp_path / "groups").read_text().split())
    assert (group, session) == (os.getpgid(0), os.getsid(0))
    assert own_group == own_session == child


def test_foreground_process_stays_in_its_session() -> None:
    session = os.getsid(0)
    Announcer().mounted()
    assert os.getsid(0) == session


def test_failure_of_the_child_is_raised_in_the_caller_in_its_own_words() -> None:
    def fail() -> int:
        raise NotASnapshot("/s: nothing in it")

    with pytest.raises(NotASnapshot, match="/s: nothing in it"):
        detached(Announcer(), fail, list)


def test_child_that_dies_without_a_word_is_an_error() -> None:
    def die() -> int:
        os.kill(os.getpid(), 9)
        return 0

    with pytest.raises(SnapfsError, match="was killed by SIGKILL before the mount answered"):
        detached(Announcer(), die, list)
