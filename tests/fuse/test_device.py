"""Requests between the kernel and libfuse, each played by an end of a socket pair, whose messages are as whole as those of /dev/fuse."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kernel_headers import check

from snapfs.fuse import device as device_module
from snapfs.fuse import wire
from snapfs.fuse.device import GONE, NOTHING, Device


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    kernel, session = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, session:
        yield kernel, session


def test_the_messages_are_those_of_the_kernels_header(tmp_path: Path) -> None:
    facts = [
        f"sizeof(struct fuse_in_header) == {wire.IN.size}",
        "offsetof(struct fuse_in_header, opcode) == 4",
        "offsetof(struct fuse_in_header, unique) == 8",
        f"sizeof(struct fuse_out_header) == {wire.OUT.size}",
        "offsetof(struct fuse_out_header, error) == 4",
        "offsetof(struct fuse_out_header, unique) == 8",
        f"FUSE_READ == {wire.READ}",
        f"sizeof(struct fuse_read_in) == {wire.READ_IN.size}",
        "offsetof(struct fuse_read_in, fh) == 0",
        "offsetof(struct fuse_read_in, offset) == 8",
        "offsetof(struct fuse_read_in, size) == 16",
        f"FUSE_LSEEK == {wire.LSEEK}",
        f"sizeof(struct fuse_lseek_in) == {wire.LSEEK_IN.size}",
        "offsetof(struct fuse_lseek_in, fh) == 0",
        "offsetof(struct fuse_lseek_in, offset) == 8",
        "offsetof(struct fuse_lseek_in, whence) == 16",
        f"sizeof(struct fuse_lseek_out) == {wire.LSEEK_OUT.size}",
    ]
    check("x86_64", ["linux/fuse.h"], facts, tmp_path)


def test_reading_never_waits(ends: tuple[socket.socket, socket.socket]) -> None:
    kernel, session = ends
    device = Device(session.fileno())
    assert device.read() == NOTHING
    kernel.send(b"a request")
    assert device.read() == 9
    assert device.request[:9] == b"a request"
    device.close()


def test_an_answer_has_its_length_and_number(ends: tuple[socket.socket, socket.socket]) -> None:
    kernel, session = ends
    device = Device(session.fileno())
    assert device.answer(7, b"bytes") == 0
    assert kernel.recv(100) == wire.OUT.pack(21, 0, 7) + b"bytes"
    device.refuse(8, 22)
    assert kernel.recv(100) == wire.OUT.pack(16, -22, 8)
    device.close()


def test_what_is_handed_on_is_read_where_requests_are_and_answered_where_they_come_from(ends: tuple[socket.socket, socket.socket]) -> None:
    kernel, session = ends
    device = Device(session.fileno())
    for request in (b"a long request", b"short", b"x" * 500000):
        kernel.settimeout(5)
        device.request[: len(request)] = request
        device.hand_on(len(request))
        assert os.read(session.fileno(), 1 << 20) == request
        os.write(session.fileno(), b"answered without a handler")
        device.catch_up()
        assert kernel.recv(100) == b"answered without a handler"
        os.write(session.fileno(), b"answered by a handler")
        assert kernel.recv(100) == b"answered by a handler"
        device.catch_up()
    kernel.setblocking(False)
    with pytest.raises(BlockingIOError):
        kernel.recv(100)
    device.close()
    os.write(session.fileno(), b"still")
    assert kernel.recv(100) == b"still"


def test_handing_on_takes_no_more_memory_with_time(ends: tuple[socket.socket, socket.socket]) -> None:
    _, session = ends
    device = Device(session.fileno())
    for number in range(1000):
        request = bytes([number & 255]) * 5000
        device.request[:5000] = request
        device.hand_on(5000)
        assert os.read(session.fileno(), 1 << 20) == request
        device.take_back()
        assert os.fstat(device._paper).st_size <= (1 << 20) + 5000
    device.close()


@pytest.mark.parametrize(("number", "expected"), [(errno.ENODEV, GONE), (errno.ENOENT, NOTHING), (errno.EINTR, NOTHING)])
def test_what_the_kernel_says_is_understood(
    number: int, expected: int, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> int:
        ctypes.set_errno(number)
        return -1

    device = Device(ends[1].fileno())
    monkeypatch.setattr(device_module, "_libc", SimpleNamespace(read=read))
    assert device.read() == expected
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        device.read()
    monkeypatch.undo()
    device.close()
