"""How commands write: bytes, text, JSON and colours on stdout, sentences on stderr.

Text may hold whatever a snapshot holds. On a terminal, control characters are shown instead of obeyed; bytes of names that
are no UTF-8 go out as they came; what the locale's encoding cannot say is escaped, so that no output fails for its
characters.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from snapfs.cli.options import settings
from snapfs.errors import SnapfsError, WriteError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "Stdout",
    "complain",
    "console",
    "emit",
    "emit_bytes",
    "emit_json",
    "emit_text",
    "flush",
    "give_up",
    "paint",
    "printable",
    "report",
    "unheard",
    "unicode_output",
    "warn",
]

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _unsayable(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes that were undecodable in a name go out as they came, everything else escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = b""
    for c in error.object[error.start : error.end]:
        point = ord(c)
        if 0xDC80 <= point <= 0xDCFF:
            found += bytes([point - 0xDC00])
        elif point < 0x10000:
            found += rf"\u{point:04x}".encode()
        else:
            found += rf"\U{point:08x}".encode()
    return found, error.end


codecs.register_error("snapfs", _unsayable)


@contextlib.contextmanager
def _stdout() -> Iterator[TextIO]:
    """Stdout, for writing: WriteError where it takes no more; where its reader has gone the program ends in silence."""
    try:
        yield sys.stdout
    except BrokenPipeError:
        give_up()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        give_up()
        raise WriteError(f"standard output: {error.strerror}") from error


def emit_bytes(data: bytes) -> None:
    """Bytes as they are."""
    with _stdout() as stream:
        stream.buffer.write(data)


class Stdout(io.RawIOBase):
    """Stdout as a file that others write to."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        emit_bytes(data)
        return len(data)


def flush() -> None:
    """Writes out what is still held back."""
    with _stdout() as stream:
        stream.flush()


def give_up() -> None:
    """Lets what is still held back go nowhere: the interpreter's own flush at the end must not fail again."""
    _to_nowhere(sys.stdout)


def _to_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def emit_text(text: str) -> None:
    """Text for people or scripts."""
    emit_bytes(text.encode(_encoding(sys.stdout), "snapfs"))


def emit(text: str) -> None:
    """A line of text for people or scripts."""
    emit_text(text + "\n")


def emit_json(value: Any) -> None:
    """A value as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=not unicode_output(sys.stdout))
    # lone surrogates are escapes in JSON too
    emit_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def warn(text: str) -> None:
    """A sentence on stderr, unless `--quiet`."""
    if settings().verbosity >= 0:
        flush()
        _to_stderr({"warning": text.removeprefix("warning: ")} if settings().json else text)


def complain(error: SnapfsError) -> None:
    """An error that is part of the answer: why the exit code is not 0."""
    if settings().debug:
        show_traceback()
    flush()
    report(type(error).__name__, str(error), error.exit_code, as_json=settings().json)


def report(kind: str, text: str, code: int, *, as_json: bool) -> None:
    """An error on stderr: a sentence, or a line of JSON."""
    _to_stderr({"error": kind, "message": text, "exit_code": code} if as_json else text)


def show_traceback() -> None:
    """Where the error that is being handled comes from, on stderr."""
    import traceback

    flush()
    for line in traceback.format_exc().splitlines():
        _line_to_stderr(printable(line, sys.stderr))


def _to_stderr(said: str | dict[str, Any]) -> None:
    _line_to_stderr(f"snapfs: {printable(said, sys.stderr)}" if isinstance(said, str) else json.dumps(said))


def _line_to_stderr(line: str) -> None:
    """Where nobody reads it any more, the exit code still tells."""
    with unheard():
        sys.stderr.buffer.write(f"{line}\n".encode(_encoding(sys.stderr), "snapfs"))
        sys.stderr.flush()


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """For what writes to stderr: that it takes no more, or its reader has gone, is no reason to stop, or to end with another exit code."""
    try:
        yield
    except OSError:
        _to_nowhere(sys.stderr)


def printable(text: str, stream: TextIO | None = None) -> str:
    """The text with its control characters shown, where it goes to a terminal: a snapshot must not write to one."""
    if not (stream or sys.stdout).isatty():
        return text
    return _CONTROL.sub(lambda m: rf"\x{ord(m[0]):02x}", text)


def paint(text: str, **style: Any) -> str:
    """The text in colour, where stdout gets colours; fit for a terminal in any case."""
    text = printable(text)
    return click.style(text, **style) if style and settings().colored else text


def unicode_output(stream: TextIO) -> bool:
    """Whether a stream can say more than ASCII."""
    return _encoding(stream).lower().replace("-", "").startswith("utf")


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"


def console(*, stderr: bool = False) -> Console:
    """A rich console that follows `--color`; rich is imported here, for those who need it."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # what is no terminal gets lines as long as they are
    width, height = (None, None) if stream.isatty() else (1 << 14, 100)
    return Console(file=stream, width=width, height=height, no_color=not settings().colored, highlight=False, markup=False, emoji=False)
