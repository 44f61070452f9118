"""Going into the background so that the caller's exit code tells the truth, and telling others that the mount answers.

The parent waits on a socket for the child's word: ready, or the error in the child's own sentence. A child that dies without
a word is an error too.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from snapfs import errors
from snapfs.errors import SnapfsError, UsageError, WriteError

__all__ = ["LEAVE", "Announcer", "detached", "ended_by_signals", "notify_systemd"]

#: the signals that ask to unmount
LEAVE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_LONGEST: Final = 1 << 16
_MOST: Final = 50  # sentences: all of them are in one message

log = logging.getLogger(__name__)


class Announcer:
    """Tells whoever waits that the mount answers, and undoes at the end what it left behind."""

    def __init__(self, *, ready_fd: int | None = None, pid_file: str | None = None) -> None:
        """UsageError when `ready_fd` is not open."""
        if ready_fd is not None:
            try:
                os.fstat(ready_fd)
            except OSError as error:
                raise UsageError(f"--ready-fd {ready_fd}: no such open file descriptor") from error
        self._ready_fd = ready_fd
        self._pid_file = pid_file
        self._parent: socket.socket | None = None

    def reports_to(self, parent: socket.socket) -> None:
        """Names the socket of the waiting parent."""
        self._parent = parent

    def mounted(self) -> None:
        """The mount is there. Only now a background process leaves its session: until then autofs, and systemd for it, know by the
        process group who mounts, and make anybody else wait for the mount."""
        if self._parent is not None:
            os.setsid()

    def write_pid(self) -> None:
        """Writes the pid file, before anyone is told."""
        if self._pid_file is not None:
            try:
                with open(self._pid_file, "w", encoding="ascii") as out:
                    out.write(f"{os.getpid()}\n")
            except OSError as error:
                raise WriteError(f"{self._pid_file}: the pid file cannot be written: {error.strerror}; name another --pid-file") from error

    def ready(self) -> None:
        """The mount answers."""
        if self._ready_fd is not None:
            try:
                os.write(self._ready_fd, b"ready\n")
                os.close(self._ready_fd)
            except OSError:
                pass  # nobody waits any more
            self._ready_fd = None
        notify_systemd(f"READY=1\nMAINPID={os.getpid()}")
        if self._parent is not None:
            _send(self._parent, {})
            # what the caller is told of the snapshot belongs into the log too
            threading.Thread(target=_log_all, args=(self._parent,), daemon=True).start()
            self._parent = None

    def ended(self) -> None:
        """The mount is gone."""
        notify_systemd("STOPPING=1")
        if self._pid_file is not None:
            try:
                os.unlink(self._pid_file)
            except OSError:
                pass  # removed by whoever asked for it


def _log_all(parent: socket.socket) -> None:
    """Logs the sentences that the parent sends before it ends."""
    with parent:
        word = parent.recv(_LONGEST)
    for sentence in json.loads(word or b"[]"):
        log.warning("%s", sentence)


def _send(to: socket.socket, word: dict[str, str] | list[str]) -> None:
    try:
        to.send(json.dumps(word).encode())
    except OSError:
        pass  # the parent was killed; the mount stays


def detached(announcer: Announcer, serve: Callable[[], int], meanwhile: Callable[[], list[str]]) -> list[str]:
    """Runs `serve` in a child, which gets a session of its own, and returns when it has announced itself; raises what it failed with.
    `meanwhile` is done while the child starts; its sentences are returned, and are in the child's log."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    signal.pthread_sigmask(signal.SIG_BLOCK, LEAVE)  # until both know what to do with them
    child = os.fork()
    if child == 0:
        ours.close()
        _child(announcer, serve, theirs)
    theirs.close()
    failure: BaseException | None = None
    sentences: list[str] = []
    with ours, _passed_on(child) as heard:
        try:
            sentences = meanwhile()
        except SnapfsError as error:
            failure = error
        word = ours.recv(_LONGEST)
        _send(ours, sentences[:_MOST])
    if heard or not word:
        _, status = os.waitpid(child, 0)
    if heard:
        sys.exit(128 + heard[0])
    if not word:
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        raise SnapfsError(f"the serving process {how} before the mount answered; run it again with --debug to see why")
    said = json.loads(word)
    if said:
        os.waitpid(child, 0)
        raise getattr(errors, said["class"], SnapfsError)(said["message"])
    if failure is not None:
        raise failure
    return sentences


@contextlib.contextmanager
def _passed_on(child: int) -> Iterator[list[int]]:
    """Inside, signals that ask the waiting parent to leave ask the child, which alone knows whether there is a mount to take away;
    those that came are yielded. Behind it they are ignored: what the parent has yet to say takes no time, and its exit code
    must not say that there is no mount where there is one."""
    heard: list[int] = []

    def pass_on(number: int, _: object) -> None:
        heard.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in LEAVE:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVE)
    try:
        yield heard
    finally:
        for number in LEAVE:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, TERM and HUP end the process as an exception does, so that what was begun is removed again."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _child(announcer: Announcer, serve: Callable[[], int], parent: socket.socket) -> NoReturn:
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)  # whoever reads our output must not wait for a daemon's end
        if null > 2:
            os.close(null)
        announcer.reports_to(parent)
        for number in LEAVE:
            signal.signal(number, signal.SIG_DFL)  # until there is a mount, ending is all there is to do
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVE)
        code = serve()
    except SnapfsError as error:
        code = error.exit_code
        _send(parent, {"class": type(error).__name__, "message": str(error)})
    except BaseException as error:  # a forked child must never return into its parent's code  # noqa: BLE001
        _send(parent, {"class": "SnapfsError", "message": f"{type(error).__name__}: {error}; run it again with --debug to see where"})
    finally:
        os._exit(code)


def notify_systemd(message: str) -> None:
    """Sends a message to systemd, if it asked for any. Protocol: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address[0] == "@":
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto(message.encode(), address)
    except OSError:
        pass  # whoever started us with the variable does not listen
