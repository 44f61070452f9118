"""Values as nodes: the tree is derived from the shape of a value, never listed.

    object with facets      a directory; a facet that is itself a directory of values has its table beside it
    record, model, mapping  a directory with an entry per field
    list of things          a directory by number
    list of scalars         one file, one per line
    scalar                  one file in the scalar's own text form, and one for the words of its named bits
    blob                    one file of bytes
    Text                    one file as it is

It knows no device, register or release: the field's annotation supplies the text form.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

from snapfs.blob import Blob
from snapfs.errors import SnapfsError
from snapfs.layout import Facets, Form, Record
from snapfs.layout.facets import Text
from snapfs.layout.forms import JSON
from snapfs.layout.record import broken, extra, present, trailing
from snapfs.tree import names
from snapfs.tree.nodes import Dir, ImageFile, Node, TextFile
from snapfs.tree.tables import table

# members of a value that are made without much ado
_LITTLE: Final = 256
_BREAKS: Final = re.compile("[%.=\x00-\x20\x7f\ud800-\udfff]")

__all__ = ["Member", "Text", "container", "directory", "entry", "members", "plain", "rows", "step"]


class Member(NamedTuple):
    """One named part of a value. `form` is how it, or each element of it, is written; None for JSON's own way. The value of a
    part that is there and cannot be read is the error."""

    name: str
    value: Any
    form: Form | None


def _kind(f: Any) -> tuple[str, Form | None]:
    """Shape and form of a facet; the declaration is looked at once, however many objects have the facet."""
    if f not in _KINDS:
        _KINDS[f] = _shape(f.annotation), _form(f.annotation)
    return _KINDS[f]


def _form(annotation: Any) -> Form | None:
    """The form in an annotation: of the scalar, of the elements of a sequence, of the values of a mapping."""
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, Form):
                return mark
            if element := getattr(mark, "element", None):
                return _form(element)
        return _form(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType, tuple, list, Sequence):
        return next((f for a in get_args(annotation) if (f := _form(a))), None)
    if get_origin(annotation) in (Mapping, dict):
        return _form(get_args(annotation)[1])
    return None


_KINDS: dict[Any, tuple[str, Form | None]] = {}
_HINTS: dict[Any, dict[str, Form | None]] = {}


def _hints(cls: Any) -> dict[str, Form | None]:
    if cls not in _HINTS:
        _HINTS[cls] = {name: _form(hint) for name, hint in get_type_hints(cls, include_extras=True).items()}
    return _HINTS[cls]


def members(value: Any) -> Iterator[Member] | None:
    """The parts of a value that is a directory; None for one that is a file."""
    if isinstance(value, Record):
        return _record(value)
    if hasattr(type(value), "model_fields"):
        return _model(value)
    if isinstance(value, Mapping):
        return _mapping(value)
    if dataclasses.is_dataclass(value):
        hints = _hints(type(value))
        return (Member(f.name, getattr(value, f.name), hints[f.name]) for f in dataclasses.fields(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        hints = _hints(type(value))
        return (Member(n, getattr(value, n), hints.get(n)) for n in value._fields)
    if isinstance(value, list | tuple) and any(_is_thing(v) for v in value):
        return (Member(str(i), v, None) for i, v in enumerate(value))
    return None


def _is_thing(value: Any) -> bool:
    if type(value) in (int, str, bool, type(None)):
        return False  # long lists are mostly of these
    return isinstance(value, Record | Mapping | list | tuple) or hasattr(type(value), "model_fields") or dataclasses.is_dataclass(value)


def _record(record: Record) -> Iterator[Member]:
    form_of = getattr(record, "form_of", None)
    lost = broken(record)
    for name in present(record):
        if name in lost:
            yield Member(name, lost[name], None)
            continue
        yield Member(name, getattr(record, name), (form_of and form_of(name)) or record.FIELDS[name].form)
    for name, value in extra(record).items():
        yield Member(name, value, None)
    if rest := trailing(record):
        yield Member("trailing", rest, None)


def _model(model: Any) -> Iterator[Member]:
    hints = _hints(type(model))
    for name, info in type(model).model_fields.items():
        if name in model.model_fields_set or info.default is not None:
            yield Member(info.alias or name, getattr(model, name), hints.get(name))
    for name in type(model).model_computed_fields:
        yield Member(name, getattr(model, name), _form(type(model).model_computed_fields[name].return_type))
    for name, value in (model.model_extra or {}).items():
        yield Member(name, value, None)


def _mapping(mapping: Mapping[Any, Any]) -> Iterator[Member]:
    form_of = getattr(mapping, "form_of", None)
    for key, value in mapping.items():
        yield Member(str(key), value, form_of(key) if form_of else None)


def lines(value: Any, form: Form | None) -> list[str]:
    """The lines of a leaf's file."""
    if isinstance(value, bytes):
        return [form.render(value) if form else value.hex()]
    if isinstance(value, list | tuple):
        return [(form or JSON).render(v) if v is not None else "null" for v in value]
    return [(form or JSON).render(value) if value is not None else "null"]


def words(value: Any, form: Form | None) -> str:
    """The words behind a leaf in a table; empty where it has none."""
    return form.spell(value) if form and isinstance(value, int) else ""


def quoted(value: Any, form: Form | None) -> str:
    """A leaf as it stands in a table."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return form.quote(value) if form else value.hex()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(quoted(v, form) for v in value) + "]"
    return (form or JSON).quote(value)


def plain(value: Any, form: Form | None = None) -> Any:
    """A value in JSON output: registers and masks as the strings of their files, counts as numbers."""
    if isinstance(value, SnapfsError):
        return {"ERROR": str(value)}
    if (parts := members(value)) is not None:
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return [plain(m.value, m.form) for m in parts]
        return {m.name: plain(m.value, m.form or form) for m in parts}
    if isinstance(value, bytes):
        return form.plain(value) if form else value.hex()
    if isinstance(value, list | tuple):
        return [plain(v, form) for v in value]
    return (form or JSON).plain(value) if value is not None else None


def leaf(value: Any, form: Form | None) -> TextFile:
    """The file of a value that is no directory."""
    return TextFile(lambda: "".join(line + "\n" for line in lines(value, form)), lambda: plain(value, form))


def entries(value: Any, form: Form | None = None) -> Iterator[tuple[str, Node]]:
    """The children of a value that is a directory. `form` is for the values of a mapping."""
    for name, part, own in members(value) or ():
        used = own or form
        yield names.escape(name), entry(part, used)
        if used is not None and isinstance(part, int) and (suffix := used.names_bits()):
            yield names.escape(f"{name}.{suffix}"), TextFile(lambda p=part, f=used: f.spell(p) + "\n", composed=False)  # type: ignore[misc]


def entry(value: Any, form: Form | None = None) -> Node:
    """The node of any value."""
    if value is None or type(value) in (int, str, bytes, bool, float):
        return leaf(value, form)
    if isinstance(value, SnapfsError):
        return TextFile(lambda: _fail(value), lambda: _fail(value))
    if isinstance(value, Node):
        return value
    if isinstance(value, Facets):
        return Dir(lambda: facets(value))
    if isinstance(value, Text):
        return TextFile(lambda: str(value), lambda: str(value))
    if members(value) is not None:
        at_hand = not isinstance(value, Sized) or len(value) <= _LITTLE
        return Dir(lambda: entries(value, form), value=lambda: plain(value, form), at_hand=at_hand)
    if isinstance(value, Blob):
        return ImageFile(lambda: value)
    return leaf(value, form)


def _fail(error: SnapfsError) -> str:
    """The content of what cannot be read: its name is known, its value is not."""
    raise error.with_traceback(None)


def _strip_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        rest = [a for a in get_args(annotation) if a is not NoneType]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _shape(annotation: Any) -> str:
    """What a facet will be, told from its annotation alone, so that listing decodes nothing."""
    annotation = _strip_none(annotation)
    origin = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if origin is Text:
        return "text"
    if isinstance(origin, type):
        if issubclass(origin, bool | int | float | str):
            return "scalar"
        if issubclass(origin, Facets):
            return "container"
        if origin is Blob:
            return "blob"
        if issubclass(origin, Node):
            return "node"
    return "values"


def facets(value: Facets) -> Iterator[tuple[str, Node]]:
    """The children of an object with facets, then what it keeps in `rest`."""
    for f in value.facets():
        name = names.escape(f.name)
        shape, form = _kind(f)

        def get(f: Any = f) -> Any:
            return f.__get__(value, type(value))

        if shape == "scalar":
            yield (
                name,
                TextFile(
                    lambda g=get, o=form: "".join(line + "\n" for line in lines(g(), o)),  # type: ignore[misc]
                    lambda g=get, o=form: plain(g(), o),  # type: ignore[misc]
                ),
            )
            if form is not None and (suffix := form.names_bits()):
                yield f"{name}.{suffix}", TextFile(lambda g=get, o=form: o.spell(g()) + "\n", composed=False)  # type: ignore[misc]
        elif shape == "text":
            yield name, TextFile(lambda g=get: str(g()), lambda g=get: str(g()), composed=True)  # type: ignore[misc]
        elif shape == "container":
            yield name, Dir(lambda g=get: facets(g()))  # type: ignore[misc]
            yield names.beside(name, ".txt"), TextFile(lambda g=get: table(_parts(g())))  # type: ignore[misc]
        elif shape == "blob":
            yield name, ImageFile(get)
        elif shape == "node":
            yield name, entry(get())
        else:
            yield from directory(name, get, form)
    for key, part in getattr(value, "rest", {}).items():
        name = names.escape(key)
        if isinstance(part, Facets):
            yield name, entry(part)
        elif members(part) is None:
            yield name, leaf(part, None)
        else:
            yield from directory(name, lambda p=part: p)


def container(name: str, value: Facets) -> Iterator[tuple[str, Node]]:
    """The directory of an object with facets, and the table of those that are scalars beside it."""
    yield name, entry(value)
    yield names.beside(name, ".txt"), TextFile(lambda: table(_scalars(value)))


def _parts(value: Facets, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """The lines for an object with facets and all inside it; texts and blobs are left out, and `vendor.name` stands behind `vendor`."""
    found = {f.name: f for f in value.facets()}
    for name, f in found.items():
        shape, form = _kind(f)
        dotted = prefix + step(name)
        try:
            if shape == "scalar" and name.removesuffix(".name") not in found.keys() - {name}:
                part = f.__get__(value, type(value))
                named = found.get(f"{name}.name")
                yield dotted, quoted(part, form), named.__get__(value, type(value)) if named else words(part, form)
            elif shape == "container":
                yield from _parts(f.__get__(value, type(value)), f"{dotted}.")
            elif shape == "values":
                yield from rows(f.__get__(value, type(value)), form, dotted)
        except SnapfsError as error:
            yield dotted, "ERROR", str(error)
    for key, part in getattr(value, "rest", {}).items():
        if isinstance(part, Facets):
            yield from _parts(part, f"{prefix}{step(key)}.")
        else:
            yield from rows(part, None, prefix + step(key))


def _scalars(value: Facets) -> Iterator[tuple[str, str, str]]:
    for f in value.facets():
        shape, form = _kind(f)
        if shape == "scalar":
            try:
                part = f.__get__(value, type(value))
            except SnapfsError as error:
                yield step(f.name), "ERROR", str(error)
            else:
                yield step(f.name), quoted(part, form), words(part, form)
    for key, part in getattr(value, "rest", {}).items():
        yield from rows(part, None, step(key))


def directory(name: str, value: Any, form: Form | None = None) -> Iterator[tuple[str, Node]]:
    """A directory of values and the table beside it. `value` is called when either is looked at."""

    def other(wanted: str) -> Node | None:
        """A child under another of its names, where the value knows any: an MSR by its number."""
        try:
            found = value()
        except SnapfsError:
            return None
        if not hasattr(found, "find"):
            return None
        key, suffix = found.find(wanted), ""
        if key is None:
            wanted, _, suffix = wanted.rpartition(".")
            key, suffix = found.find(wanted), f".{suffix}"
        return None if key is None else dict(entries(found, form)).get(names.escape(key + suffix))

    yield name, Dir(lambda: entries(value(), form), value=lambda: plain(value(), form), lookup=other)
    yield names.beside(name, ".txt"), TextFile(lambda: table(rows(value(), form)))


def rows(value: Any, form: Form | None = None, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """The lines of a value's table: dotted name, value, words."""
    parts = members(value)
    if isinstance(value, SnapfsError):
        yield prefix, "ERROR", str(value)
        return
    if parts is None:
        yield prefix, quoted(value, form), words(value, form)
        return
    empty = True
    dotted_names = getattr(value, "dotted", ())
    for name, part, own in parts:
        empty = False
        dotted = name if name in dotted_names else step(name)
        yield from rows(part, own or form, f"{prefix}.{dotted}" if prefix else dotted)
    if empty and prefix:
        yield prefix, "{}", ""


def step(name: str) -> str:
    """A name as one step of a dotted path: its dots and blanks are encoded, so that the path can be taken apart again."""
    return _BREAKS.sub(lambda m: f"%u{ord(m[0]):04X}" if ord(m[0]) > 0xFF else f"%{ord(m[0]):02X}", name) if name else "%"
