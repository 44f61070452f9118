"""The laws of binary records, for every record that snapfs declares."""

import re

import pytest
from declared import every_record
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.layout import Record, hex64, u16
from snapfs.layout.record import broken, extra, octets, present, trailing

records = st.sampled_from(every_record())


class Descriptor(Record, size=10):
    base: hex64
    limit: u16


@st.composite
def stored(draw, more=0):
    kind = draw(records)
    size = kind.SIZE + (draw(st.integers(0, more)) if more else 0)
    # a few random bytes repeated: records of several KiB need no several KiB of choices
    seed = draw(st.binary(min_size=1, max_size=64))
    return kind, (seed * (size // len(seed) + 1))[:size]


def as_object(value):
    """A record as serde writes it: an object with a key per field."""
    if isinstance(value, Record):
        return {name: as_object(getattr(value, name)) for name in value.FIELDS}
    if isinstance(value, bytes | tuple):
        return [as_object(v) for v in value]
    return value


def test_there_are_records_to_test():
    assert len(every_record()) > 10


@given(stored(more=40))
def test_bytes_survive_decoding_and_encoding(case):
    kind, data = case
    record = kind.decode(data)
    assert record.encode() == data
    assert trailing(record) == data[kind.SIZE :]
    assert present(record) == tuple(kind.FIELDS)


@given(stored())
def test_every_form_that_json_has_carried_is_the_same_record(case):
    kind, data = case
    record = kind.decode(data)
    assert kind.read(list(data)) == record
    assert kind.read([b - 256 if b > 127 else b for b in data]) == record  # the LAPIC's list of i8
    assert kind.read(as_object(record)) == record


@given(stored(), st.data())
def test_fields_that_an_older_release_lacks_are_absent_and_the_others_read(case, data):
    kind, content = case
    whole = as_object(kind.decode(content))
    kept = data.draw(st.sets(st.sampled_from(sorted(whole))))
    record = kind.read({name: value for name, value in whole.items() if name in kept})
    assert set(present(record)) == kept
    for name in whole:
        if name in kept:
            assert getattr(record, name) == getattr(kind.decode(content), name)
        else:
            with pytest.raises(CorruptState, match="did not save it"):
                getattr(record, name)


@given(stored())
def test_keys_that_a_newer_release_adds_are_kept(case):
    kind, data = case
    record = kind.read({**as_object(kind.decode(data)), "of the future": [1, 2]})
    assert extra(record) == {"of the future": [1, 2]}


@given(stored(), st.data())
def test_a_record_that_is_cut_keeps_its_whole_fields_and_says_how_long_it_should_be(case, data):
    kind, content = case
    size = data.draw(st.integers(0, kind.SIZE - 1))
    sentence = re.escape(f"{size} bytes where {kind.__name__} needs {kind.SIZE}")
    whole = [f.name for f in kind.FIELDS.values() if f.offset + f.size <= size]
    if not whole:
        with pytest.raises(CorruptState, match=sentence):
            kind.read(list(content[:size]))
        return
    record = kind.read(list(content[:size]))
    assert set(broken(record)) == set(kind.FIELDS) - set(whole)
    for name in kind.FIELDS:
        if name in whole:
            assert getattr(record, name) == getattr(kind.decode(content), name)
        else:
            with pytest.raises(CorruptState, match=sentence):
                getattr(record, name)


@given(stored(), st.data())
def test_a_field_that_is_damaged_fails_alone(case, data):
    kind, content = case
    whole = as_object(kind.decode(content))
    damaged = data.draw(st.sampled_from(sorted(whole)))
    record = kind.read({**whole, damaged: "damaged"}, "place")
    for name in whole:
        field = name.removesuffix("_") if name not in kind.FIELDS else name
        if name == damaged:
            with pytest.raises(CorruptState, match=f"^place/{name}"):
                getattr(record, field)
        else:
            assert getattr(record, field) == getattr(kind.decode(content), field)


@given(
    records,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    ),
    st.data(),
)
def test_any_other_json_is_an_error_that_names_the_place(kind, junk, data):
    value = data.draw(st.sampled_from([junk, {data.draw(st.sampled_from(list(kind.FIELDS))): junk}]))
    try:
        kind.read(value, "cpu-manager/0/part")
    except CorruptState as error:
        said = str(error)
    else:
        said = "cpu-manager/0/part was fine"
    assert said.startswith("cpu-manager/0/part")


def test_fields_stand_where_the_struct_has_them():
    record = Descriptor.decode(bytes.fromhex("8877665544332211 ff00"))
    assert (record.base, record.limit) == (0x1122334455667788, 255)
    assert Descriptor.FIELDS["limit"].offset == 8


def test_a_forgotten_field_cannot_be_declared():
    with pytest.raises(TypeError, match="fields take 8 bytes, declared are 10"):
        type("Short", (Record,), {"__annotations__": {"base": hex64}}, size=10)


def test_records_are_frozen():
    record = Descriptor.decode(bytes(10))
    with pytest.raises(AttributeError, match="frozen"):
        record.base = 1


def test_only_bytes_are_bytes():
    assert octets([0, 255, -1, -128], "x") == b"\x00\xff\xff\x80"
    for wrong in ([256], [-129], ["a"], [None], [1.5], [[1]], "text", {"a": 1}, None, 7):
        with pytest.raises(CorruptState, match=r"^x: "):
            octets(wrong, "x")
