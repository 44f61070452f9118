"""`snapshot_data: {"state": "<JSON text>"}`: v39 and later. The key is not looked at: it may be renamed."""

from __future__ import annotations

from typing import Any

NAME = "json-string"


def matches(data: Any) -> bool:
    """An object with a single key, whose value is text that begins as JSON does."""
    if not isinstance(data, dict) or len(data) != 1:
        return False
    (text,) = data.values()
    return isinstance(text, str) and (text[:1] in ("{", "[", '"') or text == "null")


def unwrap(data: Any) -> str:
    """The JSON text."""
    (text,) = data.values()
    return str(text)
