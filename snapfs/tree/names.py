"""Names of the tree: every key of a snapshot as a file name, reversibly, and ordered as people count.

What a path cannot hold is percent-encoded, byte by byte in UTF-8: `/`, NUL, control characters, `%` itself, and the names `.`
and `..`; the empty name is `%`, a lone surrogate `%uD800`. A name over 255 bytes is cut to 200 bytes, `%~` and 16 hex digits of
its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

__all__ = ["beside", "distinct", "escape", "natural", "unescape"]

_LONGEST: Final = 255
_CUT: Final = 200
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f/%\ud800-\udfff]")
_SAFE: Final = re.compile(r"[A-Za-z0-9_.:+@,=-]+")
_ESCAPED: Final = re.compile("%u([0-9A-F]{4})|((?:%[0-9A-F]{2})+)")


def _encode(match: re.Match[str]) -> str:
    c = match[0]
    if "\ud800" <= c <= "\udfff":
        return f"%u{ord(c):04X}"
    return "".join(f"%{b:02X}" for b in c.encode())


def escape(name: str) -> str:
    """The file name of a key."""
    if not name:
        return "%"
    if name in (".", ".."):
        return "%2E" * len(name)
    if _SAFE.fullmatch(name) and len(name) <= _LONGEST:
        return name
    return _fit(_UNSAFE.sub(_encode, name), name)


def _fit(escaped: str, key: str) -> str:
    """The escaped form of a key, cut where it is too long."""
    data = escaped.encode()
    if len(data) <= _LONGEST:
        return escaped
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return re.sub("%[0-9A-Fu]{0,5}$", "", data[:_CUT].decode(errors="ignore")) + "%~" + digest


def beside(name: str, suffix: str) -> str:
    """The name of a file that stands beside the one called `name`, a name of the tree: `regs.txt` beside `regs`."""
    return _fit(name + suffix, name + suffix)


def unescape(name: str) -> str:
    """The key of a file name; names that were cut cannot be restored (ValueError), they stand in full in the table."""
    if name == "%":
        return ""
    if "%~" in name:
        raise ValueError(f"{name}: cut, its full form is in the table beside it")
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)) if m[1] else bytes.fromhex(m[2].replace("%", "")).decode(), name)


def natural(name: str) -> tuple[Any, ...]:
    """Sort key that puts 2 before 10."""
    return tuple(_number(part) if part.isascii() and part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part)


def _number(digits: str) -> tuple[int, int, str]:
    # by length, then by digit: a number of a hostile file may be too long to be converted
    digits = digits.lstrip("0")
    return (0, len(digits), digits)


def distinct(entries: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The entries with a `%~<n>` behind a name that was there before."""
    seen: dict[str, int] = {}
    for name, node in entries:
        free, count = name, seen.get(name, 0)
        while free in seen:
            count += 1
            free = beside(name, f"%~{count}")
        seen[name] = max(count, 1)
        seen.setdefault(free, 1)
        yield free, node
