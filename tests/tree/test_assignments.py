"""config.txt says the whole configuration, and can be read back."""

import json

import pytest
from corpus import FIXTURES, REAL, trimmed
from hypothesis import given
from hypothesis import strategies as st

import snapfs
from snapfs.tree import assignments

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=6), inner, max_size=4)
)


@given(st.dictionaries(st.text(st.characters(), max_size=6), values, max_size=4))
def test_every_json_object_survives_the_round_trip(value: dict[str, object]) -> None:
    assert assignments.parse(assignments.render(value)) == value


def test_lists_and_numeric_keys_are_told_apart() -> None:
    assert assignments.render({"a": [{"b": 1}], "c": {"0": {"d.e": "x y"}}}) == 'a.0.b = 1\nc.%30.d%2Ee = "x y"\n'


@pytest.mark.parametrize("name", [n for n in REAL if (FIXTURES / n / "config.json").exists()])
def test_the_configuration_of_a_real_snapshot_is_whole(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        written = json.loads((FIXTURES / name / "config.json").read_text())
        read = assignments.parse((snapfs.tree.root(snap) / "config.txt").read_text())
    for key, value in written.items():
        assert _without_nulls(read[key]) == _without_nulls(value)


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
