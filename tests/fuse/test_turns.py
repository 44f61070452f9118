"""Whose turn it is among processes: those who sleep are woken one by one, and look by themselves now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from snapfs.fuse.turns import Turns


def _sleeper(turns: Turns, number: int, is_stuck: Callable[[], object] = lambda: False) -> int:
    """A process that sleeps once; it ends with 1 when it was woken before it would have looked by itself."""
    child = os.fork()
    if not child:
        turns.take_place(number)
        began = time.monotonic()
        turns.sleep(is_stuck)
        os._exit(1 if time.monotonic() - began < 0.4 else 0)
    return child


def _asleep(turns: Turns, count: int) -> None:
    deadline = time.monotonic() + 10
    while sum(turns._sleeps) < count and time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_call_wakes_one_of_those_who_sleep() -> None:
    turns = Turns(3)
    turns.take_place(0)
    assert turns.first
    assert not turns.sleepers
    children = [_sleeper(turns, number) for number in (1, 2)]
    _asleep(turns, 2)
    turns.call()
    woken = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(woken) == 1
    assert not turns.sleepers
    turns.call()  # nobody is there to hear it
    turns.close()


def test_all_are_woken_when_the_mount_is_gone() -> None:
    turns = Turns(3)
    turns.take_place(0)
    children = [_sleeper(turns, number) for number in (1, 2)]
    _asleep(turns, 2)
    turns.call_all()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [1, 1]
    turns.close()


def test_a_sleeper_stands_in_where_requests_are_stuck() -> None:
    turns = Turns(2)
    turns.take_place(0)
    assert os.waitstatus_to_exitcode(os.waitpid(_sleeper(turns, 1, lambda: True), 0)[1]) == 0
    assert not turns.sleepers
    turns.close()
