"""Names of files: reversible, bounded, and in the order in which people count."""

import hashlib
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snapfs.tree.names import distinct, escape, natural, unescape

# every code point: control characters, NUL, and the lone surrogates of foreign JSON
NAMES = st.text(st.characters())
DANGEROUS = st.text(st.sampled_from("%/.\x00\n\x7f\x80\x9f~u0aF\ud800\udfff€"))


@given(NAMES | DANGEROUS | st.text(max_size=4).map(lambda part: part * 80))
@example("")
@example(".")
@example("..")
@example("%")
@example("%~2")
@example("%uD800")
@example("%2E")
def test_any_key_is_a_name_that_leads_back_to_it(key):
    name = escape(key)
    data = name.encode()  # no surrogate is left
    assert 1 <= len(data) <= 255
    assert name not in (".", "..")
    assert not any(c == "/" or ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in name)
    if "%~" in name:
        with pytest.raises(ValueError, match="in the table beside it"):
            unescape(name)
    else:
        assert unescape(name) == key


@given(NAMES | DANGEROUS, NAMES | DANGEROUS)
def test_different_keys_have_different_names(one, other):
    assert (escape(one) == escape(other)) == (one == other)


@given(NAMES)
def test_a_file_system_takes_the_name(tmp_path_factory, key):
    place = tmp_path_factory.getbasetemp() / "names"
    place.mkdir(exist_ok=True)
    path = place / escape(key)
    path.touch()
    assert escape(key) in os.listdir(place)
    path.unlink()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("_disk0", "_disk0"),
        ("0000:00:01.0", "0000:00:01.0"),
        ("a b", "a b"),
        ("grün", "grün"),
        ("", "%"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("a\x00b", "a%00b"),
        ("line\nbreak", "line%0Abreak"),
        ("\x85", "%C2%85"),
        ("\ud800", "%uD800"),
    ],
)
def test_names_of_the_interface(key, name):
    assert escape(key) == name


def test_a_name_that_is_too_long_is_cut_and_told_apart_by_its_hash():
    key = "k" * 300
    assert escape(key) == "k" * 200 + "%~" + hashlib.sha256(key.encode()).hexdigest()[:16]
    assert escape("k" * 255) == "k" * 255


@pytest.mark.parametrize("lead", range(4))
def test_a_cut_never_divides_a_character_or_an_escape(lead):
    for key in ("x" * lead + "€" * 100, "x" * lead + "/" * 200, "x" * lead + "\ud800" * 100):
        kept = escape(key).partition("%~")[0]
        assert 194 <= len(kept.encode()) <= 200
        assert key.startswith(unescape(kept))


def test_numbers_are_in_the_order_of_counting():
    names = ["10", "2", "disk10", "disk9", "_net1", "0x10", "1", "disk"]
    assert sorted(names, key=natural) == ["0x10", "1", "2", "10", "_net1", "disk", "disk9", "disk10"]


@given(st.lists(NAMES | DANGEROUS | st.integers(0).map(str)))
@example(["9" * 5000, "9" * 5001])
@example(["²", "٣", "1"])
def test_any_names_can_be_ordered(names):
    ordered = sorted(names, key=natural)
    assert sorted(ordered) == sorted(names)
    assert [natural(name) for name in ordered] == sorted(map(natural, names))


@given(st.integers(0), st.integers(0))
def test_numbers_of_any_length_are_compared_as_numbers(one, other):
    assert (natural(f"disk{one}") < natural(f"disk{other}")) == (one < other)


@given(st.lists(st.sampled_from(["a", "a%~2", "b", "x" * 255, "x" * 254 + "y"])))
def test_names_in_one_directory_are_distinct(names):
    found = [name for name, _ in distinct((name, None) for name in names)]
    assert len(set(found)) == len(found) == len(names)
    assert all(len(name.encode()) <= 255 for name in found)
    assert {name for name in names if "%~" not in name} <= set(found)
