"""Whose turn it is among processes: those who sleep are woken one by one, and look by themselves now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from snapfs.fuse.turns import Turns


def _sleeper(turns: Turns, number: int, is_stuck: Callable[[], object] = lambda: False) -> int:
    """A process that sleeps once."""
    child = os.fork()
    if not child:
        try:
            turns.take_place(number)
            turns.sleep(is_stuck)
            os._exit(0)
        finally:
            os._exit(1)
    return child


def _first_to_end(children: list[int]) -> int:
    while True:
        for child in children:
            if os.waitpid(child, os.WNOHANG)[0]:
                return child
        time.sleep(0.001)


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
    first = _first_to_end(children)
    assert sum(turns._sleeps) == 1
    assert os.waitpid(({*children} - {first}).pop(), os.WNOHANG) == (0, 0)
    turns.call()
    os.waitpid(({*children} - {first}).pop(), 0)
    assert not turns.sleepers
    turns.call()  # nobody is there to hear it
    turns.close()


def test_all_are_woken_when_the_mount_is_gone() -> None:
    turns = Turns(3)
    turns.take_place(0)
    children = [_sleeper(turns, number) for number in (1, 2)]
    _asleep(turns, 2)
    turns.call_all()
    for child in children:
        os.waitpid(child, 0)
    turns.close()


def test_a_sleeper_stands_in_where_requests_are_stuck() -> None:
    turns = Turns(2)
    turns.take_place(0)
    os.waitpid(_sleeper(turns, 1, lambda: True), 0)
    assert not turns.sleepers
    turns.close()
