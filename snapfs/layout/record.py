"""Binary records declared as annotated classes: fields in order, little-endian, as the C struct has them.

    class KvmDtable(Record, size=16):
        base: hex64
        limit: hex16
        padding: Annotated[bytes, Bytes(6)]

The class is checked against `size` when it is created. A record is read from bytes (`decode`), and from every form in
which JSON has been seen to carry one (`read`): a list of byte values, signed or not, or an object with a key per field.
An object may lack fields (older releases) and may have more (newer ones): `present` tells which are there, `extra` holds the
further ones. Bytes beyond the known size, as a longer struct of a later kernel has them, are in `trailing`. Nothing that was
read is dropped. A field whose value is damaged or was cut off raises when it is asked for, and is listed in `broken`; its
siblings are not touched. (These four are functions, so that a struct may have fields of those names.)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from snapfs.errors import CorruptState
from snapfs.layout.forms import Form
from snapfs.layout.scalars import Stored, Wide

__all__ = ["Array", "Bytes", "Field", "Record", "broken", "extra", "octets", "present", "trailing", "unreadable"]


@dataclass(frozen=True)
class Bytes:
    """A field of `count` raw bytes."""

    count: int


@dataclass(frozen=True)
class Array:
    """A field of `count` elements; `element` is a scalar type or a Record class."""

    element: Any
    count: int


@dataclass(frozen=True)
class Field:
    """One field of a record: where it is and how it is written."""

    name: str
    offset: int
    size: int
    annotation: Any
    form: Form | None
    codec: _Codec


class _Codec:
    size: int

    def unpack(self, data: bytes, offset: int) -> Any:
        raise NotImplementedError

    def pack(self, value: Any) -> bytes:
        raise NotImplementedError

    def from_json(self, value: Any, where: str) -> Any:
        raise NotImplementedError


class _Scalar(_Codec):
    def __init__(self, code: str) -> None:
        self._struct = struct.Struct("<" + code)
        self.size = self._struct.size
        self._signed = code.islower()

    def unpack(self, data: bytes, offset: int) -> int:
        value: int = self._struct.unpack_from(data, offset)[0]
        return value

    def pack(self, value: Any) -> bytes:
        return self._struct.pack(value)

    def from_json(self, value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise CorruptState(f"{where}: {_short(value)} where a number is expected")
        bits = 8 * self.size
        if not -(1 << bits - 1) <= value < 1 << bits:
            raise CorruptState(f"{where}: {_short(value)} does not fit in {bits} bits")
        # a signed JSON number for an unsigned field (the LAPIC's i8), or the reverse: the same bits
        value &= (1 << bits) - 1
        bounded: int = value
        return bounded - (1 << bits) if self._signed and bounded >> bits - 1 else bounded


class _WideScalar(_Codec):
    """JSON has these as one integer, as words of 64 bits with the lowest first, or as bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def unpack(self, data: bytes, offset: int) -> int:
        return int.from_bytes(data[offset : offset + self.size], "little")

    def pack(self, value: Any) -> bytes:
        packed: bytes = value.to_bytes(self.size, "little")
        return packed

    def from_json(self, value: Any, where: str) -> int:
        if isinstance(value, list | tuple):
            if 8 * len(value) == self.size and all(isinstance(v, int) and 0 <= v < 1 << 64 for v in value):
                return sum(v << 64 * i for i, v in enumerate(value))
            if len(value) == self.size:
                return int.from_bytes(octets(value, where), "little")
        elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 8 * self.size:
            return value
        raise CorruptState(f"{where}: {_short(value)} where a number of {8 * self.size} bits is expected")


class _Raw(_Codec):
    def __init__(self, count: int) -> None:
        self.size = count

    def unpack(self, data: bytes, offset: int) -> bytes:
        return bytes(data[offset : offset + self.size])

    def pack(self, value: Any) -> bytes:
        if len(value) != self.size:
            raise ValueError(f"{len(value)} bytes where {self.size} are stored")
        return bytes(value)

    def from_json(self, value: Any, where: str) -> bytes:
        data = octets(value, where)
        if len(data) != self.size:
            raise CorruptState(f"{where}: {len(data)} bytes where {self.size} are expected")
        return data


class _Array(_Codec):
    def __init__(self, element: _Codec, count: int) -> None:
        self.element = element
        self.count = count
        self.size = element.size * count

    def unpack(self, data: bytes, offset: int) -> tuple[Any, ...]:
        step = self.element.size
        return tuple(self.element.unpack(data, offset + i * step) for i in range(self.count))

    def pack(self, value: Any) -> bytes:
        if len(value) != self.count:
            raise ValueError(f"{len(value)} elements where {self.count} are stored")
        return b"".join(self.element.pack(v) for v in value)

    def from_json(self, value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != self.count:
            raise CorruptState(f"{where}: {_short(value)} where a list of {self.count} is expected")
        return tuple(self.element.from_json(v, f"{where}/{i}") for i, v in enumerate(value))


class _Nested(_Codec):
    def __init__(self, record: type[Record]) -> None:
        self.record = record
        self.size = record.SIZE

    def unpack(self, data: bytes, offset: int) -> Record:
        return self.record.decode(data[offset : offset + self.size])

    def pack(self, value: Any) -> bytes:
        encoded: bytes = value.encode()
        return encoded

    def from_json(self, value: Any, where: str) -> Record:
        return self.record.read(value, where)


def _codec(annotation: Any) -> tuple[_Codec, Form | None]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return _Nested(annotation), None
    if get_origin(annotation) is Annotated:
        metadata = get_args(annotation)[1:]
        form = next((m for m in metadata if isinstance(m, Form)), None)
        for mark in metadata:
            if isinstance(mark, Stored):
                return _Scalar(mark.code), form
            if isinstance(mark, Wide):
                return _WideScalar(mark.size), form
            if isinstance(mark, Bytes):
                return _Raw(mark.count), form
            if isinstance(mark, Array):
                element, element_form = _codec(mark.element)
                return _Array(element, mark.count), form or element_form
    raise TypeError(f"{annotation!r} says nothing about how it is stored")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """Base of all binary records; see the module's docstring."""

    SIZE: ClassVar[int] = 0
    FIELDS: ClassVar[Mapping[str, Field]] = {}
    # not annotated names of the struct: these two are ours, and no kernel field begins with an underscore and this prefix
    _record_extra: ClassVar[Mapping[str, Any]] = {}
    _record_trailing: ClassVar[bytes] = b""
    _record_broken: ClassVar[Mapping[str, CorruptState]] = {}

    def __init_subclass__(cls, size: int) -> None:
        hints = get_type_hints(cls, include_extras=True)
        fields: dict[str, Field] = {}
        offset = 0
        for name in cls.__annotations__:
            codec, form = _codec(hints[name])
            fields[name] = Field(name, offset, codec.size, hints[name], form, codec)
            offset += codec.size
        if offset != size:
            raise TypeError(f"{cls.__name__}: fields take {offset} bytes, declared are {size}")
        cls.SIZE = size
        cls.FIELDS = fields

    def __init__(self, **values: Any) -> None:
        if unknown := values.keys() - self.FIELDS.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __getattr__(self, name: str) -> Any:
        if name in self._record_broken:
            raise self._record_broken[name].with_traceback(None)
        if name in type(self).FIELDS:
            raise CorruptState(f"{type(self).__name__}.{name} is not in the snapshot: the release that wrote it did not save it")
        raise AttributeError(f"{type(self).__name__} has no field {name}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple((k, repr(v)) for k, v in self.__dict__.items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The record at the start of `data`; what is longer is `trailing`. CorruptState when too short."""
        if len(data) < cls.SIZE:
            raise CorruptState(f"{len(data)} bytes where {cls.__name__} needs {cls.SIZE}; file truncated?")
        record = cls.__new__(cls)
        record.__dict__.update((f.name, f.codec.unpack(data, f.offset)) for f in cls.FIELDS.values())
        if len(data) > cls.SIZE:
            record.__dict__["_record_trailing"] = bytes(data[cls.SIZE :])
        return record

    def encode(self) -> bytes:
        """The bytes that `decode` reads."""
        return b"".join(f.codec.pack(getattr(self, f.name)) for f in self.FIELDS.values()) + self._record_trailing

    @classmethod
    def read(cls, value: Any, where: str = "") -> Self:
        """The record out of any form that JSON has been seen to carry; `where` names the place in errors."""
        where = where or cls.__name__
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            record = cls.__new__(cls)
            rest = dict(value)
            damaged: dict[str, CorruptState] = {}
            for f in cls.FIELDS.values():
                # serde writes Rust's raw identifier `r#type` as `type`, kvm-bindings spells it `type_`
                for key in (f.name, f.name + "_"):
                    if key in rest:
                        try:
                            record.__dict__[f.name] = f.codec.from_json(rest.pop(key), f"{where}/{key}")
                        except CorruptState as error:
                            damaged[f.name] = error
                        break
            if rest:
                record.__dict__["_record_extra"] = rest
            if damaged:
                record.__dict__["_record_broken"] = damaged
            return record
        data = octets(value, where)
        try:
            return cls.decode(data)
        except CorruptState as error:
            return cls._decode_start(data, CorruptState(f"{where}: {error}"))

    @classmethod
    def _decode_start(cls, data: bytes, error: CorruptState) -> Self:
        """The fields that a struct which was cut still has; the others raise `error`, as does a struct without any."""
        whole = [f for f in cls.FIELDS.values() if f.offset + f.size <= len(data)]
        if not whole:
            raise error
        record = cls.__new__(cls)
        record.__dict__.update((f.name, f.codec.unpack(data, f.offset)) for f in whole)
        record.__dict__["_record_broken"] = {name: error for name in cls.FIELDS if name not in record.__dict__}
        return record


R = TypeVar("R", bound=Record)


def present(record: Record) -> tuple[str, ...]:
    """The names of the fields that the snapshot holds, in the order of the struct; those of `broken` among them."""
    return tuple(name for name in record.FIELDS if name in record.__dict__ or name in broken(record))


def broken(record: Record) -> Mapping[str, CorruptState]:
    """The fields that are there and cannot be read, with the reason; reading one raises it."""
    return record._record_broken  # noqa: SLF001


def unreadable(kind: type[R], error: CorruptState) -> R:
    """A record of which no field can be read, for the place of one that is damaged in a list of sound ones."""
    record = kind.__new__(kind)
    record.__dict__["_record_broken"] = dict.fromkeys(kind.FIELDS, error)
    return record


def extra(record: Record) -> Mapping[str, Any]:
    """The keys of the object that are no fields of the struct as we know it."""
    return record._record_extra  # noqa: SLF001 - a function beside the class, see the module


def trailing(record: Record) -> bytes:
    """The bytes behind the struct as we know it."""
    return record._record_trailing  # noqa: SLF001


def octets(value: Any, where: str) -> bytes:
    """Bytes out of a JSON list of byte values (-128 to 255), or of bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list | tuple):
        try:
            return bytes(value)
        except (TypeError, ValueError):
            pass
        try:
            if all(-128 <= v <= 255 for v in value):
                return bytes(v & 0xFF for v in value)
        except TypeError:
            pass
    raise CorruptState(f"{where}: {_short(value)} where a list of bytes is expected")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
