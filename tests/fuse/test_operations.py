from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import corpus
import pyfuse3
import pytest
import trio

import snapfs
from snapfs.blob import Data, Gap, concat
from snapfs.errors import AddressError, CorruptState, SnapfsError, Unsupported
from snapfs.fuse.attrs import Owner
from snapfs.fuse.inodes import ROOT
from snapfs.fuse.operations import Operations
from snapfs.tree import Dir, Link
from snapfs.tree.nodes import ImageFile, StreamFile, TextFile


def _raise(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def _pieces() -> Iterator[bytes]:
    yield b"one\n"
    yield b""
    yield b"two\n"


class Slow:
    """A text that takes its time, and tells whether it was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def text(self) -> str:
        self.asked += 1
        assert self.go.wait(60)
        return "slow\n"


def _tree(slow: Slow | None = None) -> Dir:
    return Dir(
        lambda: [
            ("text", TextFile(lambda: "hello\n", lambda: "hello")),
            ("table", TextFile(lambda: "x" * 10000)),
            ("image", ImageFile(lambda: Data(bytes(range(256)) * 16), huge=True)),
            ("cut", ImageFile(lambda: concat(Data(b"a" * 100), Gap(4000, "not there")), huge=True)),
            ("link", Link("../x")),
            ("stream", StreamFile(_pieces)),
            ("corrupt", TextFile(_raise(CorruptState("state.json: broken")), lambda: 0)),
            ("odd", TextFile(_raise(ZeroDivisionError("oops")), lambda: 0)),
            ("unsupported", TextFile(_raise(Unsupported("no")), lambda: 0)),
            ("gone", ImageFile(_raise(AddressError("nothing there")), huge=True)),
            ("dir", Dir(lambda: [(f"n{i}", TextFile(lambda i=i: f"{i}\n", lambda: 0)) for i in range(100)])),  # type: ignore[misc]
            ("slow", TextFile((slow or Slow()).text)),
            ("at", Dir(lambda: (), lookup=lambda name: TextFile(lambda: name) if name.isdecimal() else None)),
        ]
    )


class Kernel:
    """Asks as the kernel does."""

    def __init__(self, root: Dir, **options: Any) -> None:
        self.operations = Operations(root, Owner(1, 2), **options)
        self.context: Any = None

    async def stat(self, path: str) -> pyfuse3.EntryAttributes:
        at, attr = ROOT, await self.operations.getattr(ROOT, self.context)
        for name in path.split("/") if path else ():
            attr = await self.operations.lookup(at, name.encode(), self.context)
            if not attr.st_ino:
                raise pyfuse3.FUSEError(errno.ENOENT)
            at = attr.st_ino
        return attr if attr.attr_timeout else await self.operations.getattr(at, self.context)

    async def open(self, path: str, flags: int = os.O_RDONLY) -> pyfuse3.FileInfo:
        return await self.operations.open((await self.stat(path)).st_ino, flags, self.context)

    async def read(self, path: str, offset: int = 0, size: int = 4096) -> bytes:
        return bytes(await self.operations.read((await self.open(path)).fh, offset, size))


def _run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(20):
            await test()

    trio.run(bounded)


def test_attributes_say_what_reading_gives() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        for name, size in (("text", 6), ("table", 10000), ("image", 4096), ("cut", 4100)):
            attr = await kernel.stat(name)
            assert attr.st_size == size
            assert (attr.st_uid, attr.st_gid, attr.st_mode & 0o7777) == (1, 2, 0o400)
        assert (await kernel.stat("dir")).st_mode & 0o7777 == 0o500
        assert (await kernel.stat("cut")).st_blocks == 1
        assert (await kernel.stat("stream")).st_size == 0
        assert await kernel.operations.readlink((await kernel.stat("link")).st_ino, kernel.context) == b"../x"

    _run(test)


def test_offsets_and_the_end() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        assert await kernel.read("text") == b"hello\n"
        assert await kernel.read("text", 2, 3) == b"llo"
        assert await kernel.read("text", 6) == b""
        assert await kernel.read("text", 1 << 40) == b""
        assert await kernel.read("table", 9990) == b"x" * 10
        assert await kernel.read("image", 256, 2) == b"\0\1"

    _run(test)


@pytest.mark.parametrize(
    ("name", "number"),
    [("corrupt", errno.EIO), ("odd", errno.EIO), ("unsupported", errno.ENOTSUP), ("gone", errno.EIO), ("nothing", errno.ENOENT)],
)
def test_every_failure_has_its_number(name: str, number: int) -> None:
    async def test() -> None:
        with pytest.raises(pyfuse3.FUSEError) as caught:
            await Kernel(_tree()).read(name)
        assert caught.value.errno == number

    _run(test)


def test_file_that_cannot_be_made_keeps_its_name_and_a_size() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        for name in ("corrupt", "odd", "gone"):
            assert (await kernel.stat(name)).st_size > 0

    _run(test)


def test_failure_is_logged_once_with_what_and_where(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        for _ in range(3):
            with pytest.raises(pyfuse3.FUSEError):
                await kernel.read("corrupt")

    with caplog.at_level(logging.ERROR):
        _run(test)
    assert [record.message for record in caplog.records] == ["corrupt: state.json: broken"]


def test_unexpected_failure_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        with pytest.raises(pyfuse3.FUSEError):
            await Kernel(_tree()).read("odd")

    _run(test)
    assert any(record.exc_info and "ZeroDivisionError" in record.message for record in caplog.records)


def test_gap_gives_what_is_before_it_past_the_page_cache_and_an_error_through_it() -> None:
    async def test() -> None:
        assert await Kernel(_tree()).read("cut", 50) == b"a" * 50
        with pytest.raises(pyfuse3.FUSEError):
            await Kernel(_tree()).read("cut", 100)
        with pytest.raises(pyfuse3.FUSEError):  # a short answer would be taken for the end, and the rest for zeros
            await Kernel(_tree(), cached=True).read("cut", 50)
        assert await Kernel(_tree(), cached=True).read("cut", 50, 50) == b"a" * 50

    _run(test)


def test_only_huge_and_streamed_files_pass_by_the_page_cache() -> None:
    async def test() -> None:
        kernel, cached = Kernel(_tree()), Kernel(_tree(), cached=True)
        assert [(await kernel.open(name)).direct_io for name in ("text", "table", "image", "stream")] == [False, False, True, True]
        assert (await kernel.open("text")).keep_cache
        assert not (await cached.open("image")).direct_io
        assert (await cached.open("stream")).direct_io

    _run(test)


def test_opening_for_writing_is_refused_and_a_directory_is_no_file() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        for name, flags, number in (
            ("text", os.O_WRONLY, errno.EROFS),
            ("text", os.O_RDWR, errno.EROFS),
            ("dir", os.O_RDONLY, errno.EISDIR),
        ):
            with pytest.raises(pyfuse3.FUSEError) as caught:
                await kernel.open(name, flags)
            assert caught.value.errno == number

    _run(test)


def test_listing_goes_on_where_the_buffer_was_full_and_counts_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[bytes, int]] = []

    def reply(_: object, name: bytes, attr: pyfuse3.EntryAttributes, following: int) -> bool:
        if len(told) % 8 == 7 and name not in [n for n, _ in told[-1:]] and not reply.full:  # type: ignore[attr-defined]
            reply.full = True  # type: ignore[attr-defined]
            return False
        reply.full = False  # type: ignore[attr-defined]
        told.append((name, following))
        return True

    reply.full = False  # type: ignore[attr-defined]
    monkeypatch.setattr(pyfuse3, "readdir_reply", reply)

    async def test() -> None:
        kernel = Kernel(_tree())
        inode = (await kernel.stat("dir")).st_ino
        handle = await kernel.operations.opendir(inode, kernel.context)
        start, rounds = 0, 0
        while True:
            before = len(told)
            await kernel.operations.readdir(handle, start, None)
            if len(told) == before:
                break
            start, rounds = told[-1][1], rounds + 1
        assert [name for name, _ in told] == [b"n%d" % i for i in range(100)]
        assert rounds > 5
        entry = kernel.operations.table.child(kernel.operations.table[inode], "n5")
        assert entry is not None
        assert entry.lookups == 1
        await kernel.operations.forget([(entry.ino, 1)])
        assert kernel.operations.table.get(entry.ino) is None

    _run(test)


def test_listing_does_not_render_what_costs_work(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[bytes, pyfuse3.EntryAttributes] = {}

    def reply(_: object, name: bytes, attr: pyfuse3.EntryAttributes, following: int) -> bool:
        told[name] = attr
        return True

    monkeypatch.setattr(pyfuse3, "readdir_reply", reply)
    slow = Slow()

    async def test() -> None:
        kernel = Kernel(_tree(slow))
        await kernel.operations.readdir(ROOT, 0, None)
        assert slow.asked == 0
        assert told[b"slow"].attr_timeout == 0
        assert told[b"text"].st_size == 6
        assert told[b"text"].attr_timeout > 1000

    _run(test)


def test_slow_file_holds_up_nobody() -> None:
    slow = Slow()

    async def test() -> None:
        kernel = Kernel(_tree(slow))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kernel.read, "slow")
            with trio.fail_after(60):
                while not slow.asked:
                    await trio.sleep(0.001)
                assert await kernel.read("text") == b"hello\n"
                assert await kernel.read("image", 0, 10) == bytes(range(10))
            slow.go.set()

    _run(test)


def test_names_made_on_look_up_are_forgotten_with_all_that_was_kept_for_them() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        await kernel.stat("at")
        before = len(kernel.operations.table)
        for n in range(300):
            assert await kernel.read(f"at/{n}") == str(n).encode()
            inode = (await kernel.stat(f"at/{n}")).st_ino
            await kernel.operations.forget([(inode, 2)])
        assert len(kernel.operations.table) == before

    _run(test)


def test_stream_is_made_while_it_is_read_and_has_a_size_behind_its_end() -> None:
    async def test() -> None:
        kernel = Kernel(_tree())
        info = await kernel.open("stream")
        assert await kernel.operations.read(info.fh, 0, 100) == b"one\n"
        assert (await kernel.stat("stream")).st_size == 0
        assert await kernel.operations.read(info.fh, 4, 100) == b"two\n"
        assert await kernel.operations.read(info.fh, 8, 100) == b""
        assert (await kernel.stat("stream")).st_size == 8
        assert await kernel.operations.read(info.fh, 2, 3) == b"e\nt"
        await kernel.operations.release(info.fh)
        assert len(kernel.operations.streams) == 0

    _run(test)


def test_work_of_a_stream_stops_when_it_is_closed() -> None:
    state = {"made": 0, "closed": False}

    def endless() -> Iterator[bytes]:
        try:
            while True:
                state["made"] += 1
                yield b"x" * 10
        finally:
            state["closed"] = True

    async def test() -> None:
        kernel = Kernel(Dir(lambda: [("s", StreamFile(endless))]))
        info = await kernel.open("s")
        await kernel.operations.read(info.fh, 25, 1)
        await kernel.operations.release(info.fh)
        assert state == {"made": 3, "closed": True}

    _run(test)


def test_error_in_a_stream_is_an_error_of_the_reader() -> None:
    def broken() -> Iterator[bytes]:
        yield b"first\n"
        raise SnapfsError("second is not there")

    async def test() -> None:
        kernel = Kernel(Dir(lambda: [("s", StreamFile(broken))]))
        info = await kernel.open("s")
        assert await kernel.operations.read(info.fh, 0, 100) == b"first\n"
        with pytest.raises(pyfuse3.FUSEError):
            await kernel.operations.read(info.fh, 6, 100)

    _run(test)


def test_file_system_says_how_large_it_is() -> None:
    async def test() -> None:
        answer = await Kernel(_tree(), size=10_000).operations.statfs(None)  # type: ignore[arg-type]
        assert (answer.f_blocks * answer.f_frsize, answer.f_bfree, answer.f_namemax) == (12288, 0, 255)

    _run(test)


def test_listing_of_a_snapshot_renders_values_and_no_text_that_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyfuse3, "readdir_reply", lambda *_: True)
    with snapfs.open(corpus.demo()) as snap:
        top = snapfs.tree.root(snap)

        async def test() -> None:
            kernel = Kernel(top)
            for path in ("", "vcpus/0", "devices/_disk0", "devices/_disk0/pci"):
                entry = kernel.operations.table[ROOT]
                for part in path.split("/") if path else ():
                    entry = kernel.operations.table.child(entry, part)
                    kernel.operations.table.count(entry)
                await kernel.operations.readdir(entry.ino, 0, None)

        _run(test)
        for path in ("README", "summary.txt", "summary.json", "vcpus/0/summary.txt", "vcpus/0/regs.txt", "devices/_disk0/summary.txt"):
            assert not (top / path).ready, path
        assert not (top / "devices/_disk0/pci/config.txt").ready
        for path in ("devices/_disk0/kind", "devices/_disk0/pci/bdf", "vcpus/0/mp_state"):
            assert (top / path).ready, path
