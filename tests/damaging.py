"""Damages the documents of a snapshot: keys dropped, values replaced, also inside of JSON that is wrapped in strings and byte lists."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

__all__ = ["JUNK", "damages", "hurt", "pack", "unpack"]

JUNK = st.sampled_from(
    (
        *(None, True, 0, -1, 255, 1 << 31, 1 << 64, -(1 << 63), 1 << 200, 1e300, 0.5),
        *("", "x", "/", "..", "\ud800", "0" * 5000, "9" * 300),
        *([], {}, [None], [[]], [0] * 7, [256], [-1] * 1024, ["x"], {"": {}}, {"data": None}, [{}], {"state": "{"}, {"0": 1, "00": 2}),
    )
)
DROP = "dropped"
_FEW = 3


class _Packed:
    """A JSON text inside of a document, as a string or as a list of bytes."""

    def __init__(self, value: Any, *, text: bool) -> None:
        self.held = [value]
        self.text = text


def unpack(value: Any) -> Any:
    """A document with the JSON texts in it taken apart. Of many things of one kind (vCPUs, CPUID leaves, MSRs) a few are kept:
    more of them only make it slower to look at."""
    if isinstance(value, dict):
        return {key: unpack(part) for key, part in value.items() if not (key.isdecimal() and int(key) > 0)}
    text: str | bytes = value if isinstance(value, str) else b""
    if isinstance(value, list):
        if len(value) < 2 or value[0] not in (ord("{"), ord("[")):
            return [unpack(part) for part in (value[:_FEW] if value and isinstance(value[0], dict) else value)]
        text = bytes(value)
    if text[:1] in ("{", "[", b"{", b"["):
        try:
            return _Packed(unpack(json.loads(text)), text=isinstance(value, str))
        except ValueError:
            pass
    return value


def pack(value: Any) -> Any:
    """The document that `unpack` took apart."""
    if isinstance(value, _Packed):
        text = json.dumps(pack(value.held[0]))
        return text if value.text else list(text.encode())
    if isinstance(value, dict):
        return {key: pack(part) for key, part in value.items()}
    if isinstance(value, list):
        return [pack(part) for part in value]
    return value


def _sites(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a document that can be hurt, as container and key. Of long lists of numbers only the ends."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        here = pending.pop()
        if isinstance(here, _Packed):
            here = here.held
        if isinstance(here, dict):
            keys = list(here)
        elif isinstance(here, list):
            keys = list(range(len(here))) if any(isinstance(part, dict | list) for part in here) else [*range(len(here))][:2]
        else:
            continue
        found += [(here, key) for key in keys]
        pending += [here[key] for key in keys]
    return found


# which place, counted over all places; and what is put there, or DROP
damages = st.lists(st.tuples(st.integers(0, 1 << 20), JUNK | st.just(DROP)), min_size=1, max_size=12)


def hurt(document: Any, hurts: list[tuple[int, Any]]) -> Any:
    """A document with these damages done to it."""
    broken = unpack(document)
    for place, junk in hurts:
        sites = _sites(broken)
        if not sites:
            break
        # a prime step, so that small numbers reach all depths
        container, key = sites[place * 7919 % len(sites)]
        if junk is DROP and isinstance(container, dict):
            del container[key]
        elif junk is DROP:
            container[key] = None
        else:
            container[key] = junk
    return pack(broken)
