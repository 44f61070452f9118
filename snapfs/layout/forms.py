"""How one scalar is written for people, and read back.

A form is the only place that decides on a value's text: registers, addresses and masks in hexadecimal with their full
width, counts in decimal, named bits and named values spelled out behind the number in tables. The law of every form is
`parse(render(value)) == value`; `Json`, which stands for several, has it for what `quote` writes, since a string in its file
stands as it is and may look like a number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["BOOL", "DEC", "FLOAT", "JSON", "TEXT", "Choice", "Dec", "Flags", "Form", "Hex", "Json", "Number", "Spelled", "Text"]

_DECIMAL: Final = re.compile(r"0|-?[1-9][0-9]*")


class Form:
    """A text form. Subclasses give `render` and `parse`, and may give words."""

    def render(self, value: Any) -> str:
        """The value as the content of its file, without the newline."""
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        """The value that `render` wrote; ValueError for any other text."""
        raise NotImplementedError

    def spell(self, value: Any) -> str:  # noqa: ARG002
        """Words for the value's bits or meaning; empty where there are none. Tables put them behind the value."""
        return ""

    def names_bits(self) -> str | None:
        """The suffix of the file that holds the words alone: `flags`, `name`; None for forms without words."""
        return None

    def quote(self, value: Any) -> str:
        """The value as it stands in a table."""
        return self.render(value)

    def plain(self, value: Any) -> Any:
        """The value in JSON output: the file's string, save where a subclass says that it is a count."""
        return self.render(value)


@dataclass(frozen=True)
class Dec(Form):
    """Counts, sizes, indices: plain decimal."""

    def render(self, value: Any) -> str:
        return str(int(value))

    def parse(self, text: str) -> Any:
        if not _DECIMAL.fullmatch(text):
            raise ValueError(f"not a decimal number: {text[:80]!r}")
        return int(text)

    def plain(self, value: Any) -> Any:
        return int(value)


@dataclass(frozen=True)
class Hex(Form):
    """Registers, addresses, masks: `0x` and the full width of `bits` in lower case."""

    bits: int

    def render(self, value: Any) -> str:
        if not 0 <= value < 1 << self.bits:
            raise ValueError(f"{value} does not fit in {self.bits} bits")
        return f"0x{value:0{(self.bits + 3) // 4}x}"

    def parse(self, text: str) -> Any:
        if not re.fullmatch(rf"0x[0-9a-f]{{{(self.bits + 3) // 4}}}", text):
            raise ValueError(f"not {self.bits} bits in hexadecimal: {text[:80]!r}")
        value = int(text, 16)
        if value >> self.bits:
            raise ValueError(f"more than {self.bits} bits: {text[:80]!r}")
        return value


@dataclass(frozen=True)
class Flags(Hex):
    """A word of named bits. `names` maps a bit number to its name; a name per multi-bit field goes in `fields`
    as `(lowest bit, width, name)` and is spelled `name=value` unless it is 0, or as `(lowest bit, width, name, meanings)`
    and is then spelled `name=meaning`, 0 included where that has a meaning; an empty meaning leaves it out."""

    names: Mapping[int, str] = field(default_factory=dict)
    fields: tuple[tuple[int, int, str] | tuple[int, int, str, Mapping[int, str]], ...] = ()

    def spell(self, value: Any) -> str:
        words = [(bit, name) for bit, name in self.names.items() if value >> bit & 1]
        for low, width, name, *meanings in self.fields:
            part = value >> low & ((1 << width) - 1)
            meaning = meanings[0].get(part) if meanings else None
            if word := str(part or "") if meaning is None else meaning:
                words.append((low, f"{name}={word}"))
        return " ".join(word for _, word in sorted(words))

    def names_bits(self) -> str | None:
        return "flags"


@dataclass(frozen=True)
class Spelled(Hex):
    """A word whose parts take more than named bits to spell: `words` does it. `suffix` names the file of the words."""

    words: Callable[[int], str]
    suffix: str | None = "flags"

    def spell(self, value: Any) -> str:
        return self.words(value)

    def names_bits(self) -> str | None:
        return self.suffix


@dataclass(frozen=True)
class Choice(Form):
    """A number with a meaning: the number in the file, the meaning behind it in tables."""

    names: Mapping[int, str]
    number: Form = field(default_factory=Dec)

    def render(self, value: Any) -> str:
        return self.number.render(value)

    def parse(self, text: str) -> Any:
        return self.number.parse(text)

    def plain(self, value: Any) -> Any:
        return self.number.plain(value)

    def spell(self, value: Any) -> str:
        return self.names.get(value, "")

    def names_bits(self) -> str | None:
        return "name"


@dataclass(frozen=True)
class Bool(Form):
    """`true` or `false`."""

    def render(self, value: Any) -> str:
        return "true" if value else "false"

    def parse(self, text: str) -> Any:
        if text not in ("true", "false"):
            raise ValueError(f"neither true nor false: {text[:80]!r}")
        return text == "true"

    def plain(self, value: Any) -> Any:
        return bool(value)


@dataclass(frozen=True)
class Text(Form):
    """A string as it is; JSON-quoted in tables. Lone surrogates of foreign JSON are kept as their escapes."""

    def render(self, value: Any) -> str:
        return str(value)

    def parse(self, text: str) -> Any:
        return text

    def quote(self, value: Any) -> str:
        # a lone surrogate has no UTF-8 form; its JSON escape has
        return json.dumps(str(value), ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Number(Form):
    """A number of a JSON file, in the file's own decimal form."""

    def render(self, value: Any) -> str:
        return str(value) if type(value) is int else json.dumps(value)  # of whole numbers there are tens of thousands

    def parse(self, text: str) -> Any:
        value = json.loads(text)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"not a number: {text[:80]!r}")  # noqa: TRY004 - the text is at fault, not its type
        return value

    def plain(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Float(Form):
    """A floating-point number with as many digits as tell it from its neighbours."""

    def render(self, value: Any) -> str:
        return repr(float(value))

    def parse(self, text: str) -> Any:
        return float(text)

    def plain(self, value: Any) -> Any:
        return value if math.isfinite(value) else self.render(value)


@dataclass(frozen=True)
class Json(Form):
    """Whatever a JSON file may hold at a leaf: null, a boolean, a number or a string. `parse` reads what `quote` wrote."""

    def render(self, value: Any) -> str:
        return _json_form(value).render(value)

    def parse(self, text: str) -> Any:
        return json.loads(text)

    def quote(self, value: Any) -> str:
        return _json_form(value).quote(value)

    def plain(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Null(Form):
    """JSON's null."""

    def render(self, value: Any) -> str:  # noqa: ARG002
        return "null"

    def parse(self, text: str) -> Any:
        if text != "null":
            raise ValueError(f"not null: {text[:80]!r}")

    def plain(self, value: Any) -> Any:  # noqa: ARG002
        return None


DEC: Final = Dec()
BOOL: Final = Bool()
TEXT: Final = Text()
FLOAT: Final = Float()
JSON: Final = Json()
_NULL: Final = Null()
_NUMBER: Final = Number()


def _json_form(value: object) -> Form:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int | float):
        return _NUMBER
    return TEXT
