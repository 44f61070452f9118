"""Which thread sends an answer; what is sent is kept in a file in the place of /dev/fuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from snapfs.fuse import wire
from snapfs.fuse.device import Device
from snapfs.fuse.direct import Direct

MIB = 1 << 20


class Second:
    """Keeps what is put there."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def put(self, work: Callable[[], None]) -> None:
        self.works.append(work)

    def end(self) -> bool:
        return True


@pytest.fixture
def device() -> Iterator[Device]:
    fd = os.memfd_create("fuse")
    device = Device(fd)
    device.second = Second()  # type: ignore[assignment]
    yield device
    device.close()
    os.close(fd)


def _asked(device: Device, direct: Direct, size: int) -> None:
    request = wire.IN.pack(0, wire.READ, 77, 1, 0, 0, 0, 0, 0) + wire.READ_IN.pack(1, 0, size)
    device.request[: len(request)] = request
    assert direct.answered(device)


@pytest.mark.parametrize(
    ("size", "pressed", "spare", "data", "apart"),
    [
        (MIB, True, True, memoryview(bytes(MIB)), True),
        (MIB, True, True, bytes(MIB), True),
        (MIB, False, True, memoryview(bytes(MIB)), False),  # one reader
        (MIB, True, False, memoryview(bytes(MIB)), False),  # one processor, or other processes
        (4096, True, True, memoryview(bytes(4096)), False),  # small
        (MIB, True, True, memoryview(bytearray(MIB)), False),  # good until the next call only
    ],
)
def test_large_answers_are_sent_apart_while_others_wait(
    size: int, pressed: bool, spare: bool, data: bytes | memoryview, apart: bool, device: Device
) -> None:
    waiting = SimpleNamespace(pressed=pressed, has_spare=spare)
    _asked(device, Direct(SimpleNamespace(at_once=lambda *_: data), waiting), size)  # type: ignore[arg-type]
    works = device.second.works  # type: ignore[attr-defined]
    assert bool(works) == apart
    for work in works:
        work()
    assert os.pread(device.fd, 2 * MIB, 0) == wire.OUT.pack(wire.OUT.size + size, 0, 77) + bytes(size)


def test_a_crowd_is_remembered_for_some_requests(device: Device) -> None:
    waiting = SimpleNamespace(pressed=True, has_spare=True)
    direct = Direct(SimpleNamespace(at_once=lambda *_: bytes(MIB)), waiting)  # type: ignore[arg-type]
    for _ in range(50):
        _asked(device, direct, MIB)
        waiting.pressed = False
    assert 1 < len(device.second.works) < 50  # type: ignore[attr-defined]
    assert os.fstat(device.fd).st_size == (50 - len(device.second.works)) * (MIB + wire.OUT.size)  # type: ignore[attr-defined]
