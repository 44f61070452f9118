"""A JSON value as `path = value` lines, and back: the form of `config.txt`.

A path joins keys and list indices with dots. Dots, blanks and percent signs inside a key are percent-encoded, and so is the first
digit of a key that is a number, since a bare number is a list index. Values are JSON on one line; `{}` and `[]` are written out.
`parse(render(x)) == x` for every JSON object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from snapfs.tree import names
from snapfs.tree.reflect import members, quoted, step

__all__ = ["parse", "render"]

_INDEX: Final = re.compile(r"0|[1-9][0-9]*")


def render(value: Any) -> str:
    """The lines of a JSON value."""
    return "".join(f"{path} = {text}\n" for path, text in _lines(value, ""))


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and not value:
        yield path, "{}"
    elif (parts := members(value)) is None:
        yield path, quoted(value, None)
    else:
        for name, part, _ in parts:
            key = step(name)
            if isinstance(value, dict) and _INDEX.fullmatch(key):
                key = f"%{ord(key[0]):02X}{key[1:]}"
            yield from _lines(part, f"{path}.{key}" if path else key)


def parse(text: str) -> Any:
    """The JSON value that `render` wrote; ValueError for a line that is none of its own."""
    root: dict[str, Any] = {}
    for line in text.split("\n")[:-1]:
        path, assigned, value = line.partition(" = ")
        if not assigned:
            raise ValueError(f"no assignment: {line[:80]!r}")
        if not path:
            return json.loads(value)
        here = root
        *parents, last = path.split(".")
        for key in parents:
            here = here.setdefault(key, {})
        here[last] = _Value(json.loads(value))
    return _built(root)


class _Value:
    def __init__(self, value: Any) -> None:
        self.value = value


def _built(node: Any) -> Any:
    if isinstance(node, _Value):
        return node.value
    if node and all(_INDEX.fullmatch(key) for key in node):
        return [_built(node[str(i)]) for i in range(len(node))]
    return {names.unescape(key): _built(inner) for key, inner in node.items()}
