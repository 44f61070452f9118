"""Engine: the wire format of Rust's `versionize`, as Cloud Hypervisor v16 to v38 used it.

No header and no version is written: fields are concatenated in declaration order, integers little-endian, `usize` as 8
bytes, lengths as u64, `Option` as a byte and a value, enums as a u32 index. A schema maps struct names to fields and their
Rust types; a value must consume its bytes exactly, which is what tells a wrong schema from the right one.
Source: the `versionize` crate, src/primitives.rs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, cast

from snapfs.errors import CorruptState

__all__ = ["Schema", "decode", "parse_type"]

# name -> (field, Rust type) pairs of a struct, or the variant names of an enum
Fields = tuple[tuple[str, str], ...]
Schema = Mapping[str, Fields | tuple[str, ...]]

_CODES: Final = {
    "u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "usize": "<Q",
    "i8": "<b", "i16": "<h", "i32": "<i", "i64": "<q", "isize": "<q",
}  # fmt: skip
_STRUCTS: Final = {name: struct.Struct(code) for name, code in _CODES.items()}
_DEPTH: Final = 32


@lru_cache(maxsize=512)
def parse_type(kind: str) -> tuple[str, tuple[str, ...]]:
    """A Rust type as (constructor, arguments): `Vec<u8>` is ("Vec", ("u8",))."""
    if generic := re.fullmatch(r"(Vec|VecDeque|Option)<(.*)>", kind):
        return ("Vec" if generic[1].startswith("Vec") else "Option", (generic[2],))
    if table := re.fullmatch(r"(?:HashMap|BTreeMap)<(\w+),(.*)>", kind):
        return ("Map", (table[1], table[2]))
    if array := re.fullmatch(r"\[(.*);(\d+)\]", kind):
        return ("array", (array[1], array[2]))
    if kind.startswith("(") and kind.endswith(")"):
        parts, depth, start = [], 0, 1
        for i, c in enumerate(kind[:-1]):
            depth += {"<": 1, "(": 1, "[": 1, ">": -1, ")": -1, "]": -1}.get(c, 0)
            if c == "," and depth == 1:
                parts.append(kind[start:i])
                start = i + 1
        return ("tuple", (*parts, kind[start:-1]))
    return (kind, ())


class _Reader:
    def __init__(self, schema: Schema, data: bytes) -> None:
        self.schema = schema
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise CorruptState(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self, kind: str) -> int:
        layout = _STRUCTS[kind]
        value: int = layout.unpack(self.take(layout.size))[0]
        return value

    def count(self) -> int:
        """A length: bounded by the bytes that are left, since each element takes at least one."""
        count = self.integer("u64")
        if count > len(self.data) - self.at:
            raise CorruptState(f"a length of {count} at {self.at - 8} of {len(self.data)}")
        return count

    def value(self, kind: str, depth: int = 0) -> Any:
        if depth > _DEPTH:
            raise CorruptState("nested too deeply")
        if kind in _STRUCTS:
            return self.integer(kind)
        if kind == "bool":
            if (byte := self.integer("u8")) > 1:
                raise CorruptState(f"a bool of {byte} at {self.at - 1}")
            return bool(byte)
        if kind in ("String", "PathBuf"):
            try:
                return self.take(self.count()).decode()
            except UnicodeDecodeError as error:
                raise CorruptState(f"a string that is not UTF-8 before {self.at}") from error
        constructor, arguments = parse_type(kind)
        if constructor == "Vec":
            return self.many(arguments[0], self.count(), depth)
        if constructor == "array":
            return self.many(arguments[0], int(arguments[1]), depth)
        if constructor == "Option":
            return self.value(arguments[0], depth + 1) if self.value("bool") else None
        if constructor == "tuple":
            return [self.value(part, depth + 1) for part in arguments]
        return self.declared(kind, depth)

    def many(self, element: str, count: int, depth: int) -> list[Any]:
        if layout := _STRUCTS.get(element):
            return list(struct.unpack(f"<{count}{layout.format[-1]}", self.take(count * layout.size)))
        return [self.value(element, depth + 1) for _ in range(count)]

    def declared(self, name: str, depth: int) -> Any:
        fields = self.schema.get(name)
        if fields is None:
            raise CorruptState(f"no layout of {name} is known")
        if fields and isinstance(fields[0], str):
            index = self.integer("u32")
            if index >= len(fields):
                raise CorruptState(f"variant {index} of {name}, which has {len(fields)}")
            return fields[index]
        return {field: self.value(kind, depth + 1) for field, kind in cast("Fields", fields)}


def decode(schema: Schema, kind: str, data: bytes) -> Any:
    """`data` as a value of the Rust type `kind`, in the shape that serde_json would give it; CorruptState when it is not
    consumed exactly."""
    reader = _Reader(schema, data)
    value = reader.value(kind)
    if reader.at != len(data):
        raise CorruptState(f"{len(data) - reader.at} of {len(data)} bytes are left behind {kind}")
    return value
