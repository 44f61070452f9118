"""JSON text as untrusted input: every way to fail is a CorruptState that names the place.

A text that is cut short or damaged in the middle is salvaged: what stands before the cut, or around bytes that are not JSON, is
kept, and `Document.damage` says what is missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from snapfs.errors import CorruptState

__all__ = ["Document", "parse", "salvage"]

_LIMIT: Final = 512 << 20


@dataclass(frozen=True)
class Document:
    """A parsed file: its value, and what is wrong with it."""

    value: Any
    damage: str | None = None


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def parse(text: str | bytes, where: str) -> Any:
    """The value of a JSON text; CorruptState with `where` when it is not one."""
    if len(text) > _LIMIT:
        raise CorruptState(f"{where}: {len(text)} bytes of JSON, more than the {_LIMIT} that snapfs reads")
    try:
        return json.loads(text, parse_constant=_reject)
    except RecursionError:
        raise CorruptState(f"{where}: nested too deeply to be a snapshot's") from None
    except ValueError as error:
        raise CorruptState(f"{where}: not JSON: {str(error)[:200]}") from None


def salvage(text: bytes, where: str) -> Document:
    """`parse`, and where that fails as much as can be read: around bytes that no text has, else before the place of the failure."""
    try:
        return Document(parse(text, where))
    except CorruptState as error:
        damage = str(error)
        if len(text) > _LIMIT:
            raise
    decoded = text.decode("utf-8", "replace")
    try:
        # control characters and foreign bytes inside of strings hurt one value, not the document
        value = json.loads(decoded, parse_constant=str, strict=False)
    except RecursionError:
        raise CorruptState(damage) from None
    except json.JSONDecodeError as error:
        return Document(_before(decoded[: error.pos], damage), f"{damage}; what stands before that place is shown, the rest is missing")
    except ValueError:
        raise CorruptState(damage) from None
    return Document(value, f"{damage}; what is around that place is shown, the value there is not what was written")


def _before(text: str, damage: str) -> Any:
    """The value of a text that ends early; CorruptState with the damage when there is none."""
    from pydantic_core import from_json  # only here: it is needed for damaged files alone

    try:
        return from_json(text, allow_partial=True, cache_strings=False, allow_inf_nan=False)
    except ValueError:
        raise CorruptState(damage) from None
