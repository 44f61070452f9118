"""Damaged JSON: what can be read is read, and the damage is named."""

import json

import pytest

from snapfs.errors import CorruptState
from snapfs.snapshot.document import parse, salvage

SOUND = {"first": [1, 2], "text": "abcdefgh", "last": {"x": True}}
TEXT = json.dumps(SOUND).encode()


@pytest.mark.parametrize("bad", [b"\0\0\0", b"\n\n\n", b"\xff\xfe\xff", b"\xc3\x28\x29"])
def test_foreign_bytes_inside_of_a_string_hurt_that_string_only(bad):
    at = TEXT.index(b"cd")
    found = salvage(TEXT[:at] + bad + TEXT[at + len(bad) :], "state.json")
    assert found.damage
    assert found.damage.startswith("state.json: not JSON")
    assert {**found.value, "text": ""} == {**SOUND, "text": ""}
    assert found.value["text"].startswith("ab")


@pytest.mark.parametrize("bad", [b"\0\0\0\0\0\0\0\0", b"}}}}}}}}", b"\xff\xff\xff\xff\xff\xff\xff\xff"])
def test_bytes_between_values_that_are_not_json_leave_what_stands_before(bad):
    at = TEXT.index(b'"last"')
    found = salvage(TEXT[:at] + bad + TEXT[at + len(bad) :], "state.json")
    assert found.damage
    assert found.value["first"] == [1, 2]
    assert found.value["text"] == "abcdefgh"


@pytest.mark.parametrize("text", [b"", b"\0" * 64, b"\xff" * 64, b'{"a":' * 100_000])
def test_where_nothing_can_be_read_the_error_names_the_file(text):
    with pytest.raises(CorruptState, match=r"^state\.json: "):
        salvage(text, "state.json")


def test_a_constant_that_json_has_not_is_damage():
    with pytest.raises(CorruptState, match="NaN is not JSON"):
        parse('{"a": NaN}', "state.json")
    found = salvage(b'{"a": NaN, "b": 1}', "state.json")
    assert found.damage
    assert found.value["b"] == 1
