"""The second thread: everything is done once, whoever does it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from mounted import PATIENCE, becomes

from snapfs.fuse.second import Second


@pytest.fixture
def second() -> Iterator[Second]:
    second = Second()
    yield second
    assert second.end()


@pytest.fixture
def go_on(second: Second) -> Iterator[threading.Event]:
    """The thread is at work until this is set."""
    begun, go_on = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        go_on.wait(PATIENCE)

    second.put(long)
    assert begun.wait(PATIENCE)
    yield go_on
    go_on.set()


def test_works_are_done_there(second: Second) -> None:
    who: list[int] = []
    second.put(lambda: who.append(threading.get_ident()))
    assert becomes(lambda: who)
    assert who[0] != threading.get_ident()
    assert not second.help()


@pytest.mark.usefixtures("go_on")
def test_the_first_helps_only_while_the_thread_is_at_work(second: Second) -> None:
    who: list[int] = []
    assert not second.help()
    second.put(lambda: who.append(threading.get_ident()))
    assert second.help()
    assert who == [threading.get_ident()]
    assert not second.help()


def test_no_more_waits_than_the_thread_can_soon_do(second: Second, go_on: threading.Event) -> None:
    done: list[int] = []
    for number in range(10):
        second.put(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == list(range(9))
    go_on.set()
    assert becomes(lambda: len(done) == 10)


def test_many_works_are_done_once_each(second: Second) -> None:
    done: list[int] = []
    for number in range(5000):
        second.put(lambda number=number: done.append(number))  # type: ignore[misc]
        second.help()
    assert becomes(lambda: len(done) == 5000)
    assert sorted(done) == list(range(5000))


def test_a_thread_that_does_not_come_back_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snapfs.fuse.second._PATIENCE", 0.01)
    second = Second()
    go_on = threading.Event()
    second.put(lambda: go_on.wait(PATIENCE) and None)
    assert not second.end()
    go_on.set()
    monkeypatch.undo()
    assert second.end()


def test_a_system_that_has_no_thread_to_give(second: Second, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    done: list[int] = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    second.put(lambda: done.append(1))
    assert done == [1]
    monkeypatch.undo()
    second.put(lambda: done.append(2))
    assert becomes(lambda: done == [1, 2])


def test_nothing_was_ever_put() -> None:
    second = Second()
    assert not second.help()
    assert second.end()
