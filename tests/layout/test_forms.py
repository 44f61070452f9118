"""The law of every form: what it writes, it reads back."""

import math
import re

import pytest
from declared import every_form, every_record
from hypothesis import given
from hypothesis import strategies as st

from snapfs.layout import BOOL, DEC, FLOAT, TEXT, Choice, Dec, Flags, Hex, Number
from snapfs.layout.forms import JSON, Bool, Float, Json, Null, Text

WIDTHS = st.sampled_from([1, 4, 7, 8, 12, 16, 32, 52, 64, 128, 2048])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ANY_TEXT = st.text(st.characters())  # lone surrogates, as foreign JSON has them, included


@st.composite
def hexadecimal(draw, make=Hex):
    form = make(draw(WIDTHS))
    return form, draw(st.integers(0, (1 << form.bits) - 1))


def with_names(bits):
    return Flags(bits, names={0: "ONE", bits - 1: "TOP"}, fields=((1, 2, "LEVEL"),))


# a strategy of (form, value) per class; a new form without one fails the test below
LAWFUL = {
    Dec: st.tuples(st.just(DEC), st.integers()),
    Hex: hexadecimal(),
    Flags: hexadecimal(with_names),
    Choice: st.tuples(st.just(Choice({1: "one"})), st.integers()) | st.tuples(st.just(Choice({1: "one"}, Hex(8))), st.integers(0, 255)),
    Bool: st.tuples(st.just(BOOL), st.booleans()),
    Text: st.tuples(st.just(TEXT), ANY_TEXT),
    Number: st.tuples(st.just(Number()), NUMBERS),
    Float: st.tuples(st.just(FLOAT), st.floats(allow_nan=False)),
    Null: st.tuples(st.just(Null()), st.none()),
}


def test_every_form_has_its_law_tested():
    """Those of other modules only add words, or are forms of a field of some record, whose law is tested there."""
    in_records = {type(f.form) for kind in every_record() for f in kind.FIELDS.values()}
    for kind in every_form():
        home = next(base for base in kind.__mro__ if "render" in vars(base) or "parse" in vars(base))
        assert home in LAWFUL or home is Json or kind in in_records, kind


@given(st.one_of(*LAWFUL.values()))
def test_what_a_form_writes_it_reads_back(case):
    form, value = case
    read = form.parse(form.render(value))
    assert read == value
    assert type(read) is type(value)


@given(st.data())
def test_the_fields_of_every_record_are_read_back(data):
    kind = data.draw(st.sampled_from(every_record()))
    seed = data.draw(st.binary(min_size=1, max_size=64))
    record = kind.decode((seed * (kind.SIZE // len(seed) + 1))[: kind.SIZE])
    for field in kind.FIELDS.values():
        if field.form is not None:
            value = getattr(record, field.name)
            for one in value if isinstance(value, tuple) else (value,):
                assert field.form.parse(field.form.render(one)) == one, field.name


@given(st.none() | st.booleans() | NUMBERS | ANY_TEXT)
def test_a_json_leaf_is_read_back_from_its_form_in_tables(value):
    quoted = JSON.quote(value)
    assert JSON.parse(quoted) == value
    assert "\n" not in quoted
    quoted.encode()  # lone surrogates stand there as escapes


def test_a_float_that_is_no_number_is_read_back():
    assert math.isnan(FLOAT.parse(FLOAT.render(math.nan)))


@given(st.sampled_from([DEC, Hex(1), Hex(12), Hex(64), BOOL, Null()]), st.from_regex(r"\A[-+ ]?(0[xX])?[0-9a-fA-F_]{0,4}\s?\Z") | st.text())
def test_no_other_text_is_taken_for_a_value(form, text):
    try:
        value = form.parse(text)
    except ValueError:
        return
    assert form.render(value) == text


@pytest.mark.parametrize("value", [-1, 256])
def test_what_does_not_fit_is_not_written(value):
    with pytest.raises(ValueError, match="does not fit in 8 bits"):
        Hex(8).render(value)


@pytest.mark.parametrize(("form", "text"), [(Hex(1), "0x2"), (Hex(52), "0x10000000000000"), (Hex(8), "0xFF"), (DEC, "-0"), (DEC, "+1")])
def test_what_could_not_have_been_written_is_not_read(form, text):
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        form.parse(text)


def test_forms_of_the_interface():
    assert Hex(64).render(0xFFFFFFFF81A3C1B5) == "0xffffffff81a3c1b5"
    assert Hex(16).render(0) == "0x0000"
    assert Hex(52).render(1) == "0x0000000000001"
    assert DEC.render(4096) == "4096"
    assert BOOL.render(True) == "true"
    assert JSON.render(None) == "null"
    assert TEXT.render('as "it" is') == 'as "it" is'
    assert TEXT.quote('as "it" is') == r'"as \"it\" is"'


def test_named_bits_are_spelled_in_the_order_of_the_bits():
    cr0 = Flags(64, names={0: "PE", 1: "MP", 4: "ET", 5: "NE", 16: "WP", 31: "PG"})
    assert cr0.spell(0x80010033) == "PE MP ET NE WP PG"
    assert cr0.spell(0) == ""
    iopl = Flags(64, names={1: "FIXED"}, fields=((12, 2, "IOPL"),))
    assert iopl.spell(0x3002) == "FIXED IOPL=3"
    assert iopl.spell(0x0002) == "FIXED"


def test_counts_are_numbers_in_json_and_masks_are_strings():
    assert DEC.plain(5) == 5
    assert Hex(16).plain(5) == "0x0005"
    assert Choice({5: "five"}).plain(5) == 5
    assert FLOAT.plain(math.inf) == "inf"
    assert JSON.plain("text") == "text"
