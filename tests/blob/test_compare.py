"""Comparison by page: the same answer as looking at every byte."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from snapfs.blob import Data, Gap, Zeros, concat
from snapfs.blob.compare import PAGE, Run, differing

parts = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.integers(1, 3 * PAGE), st.integers(0, 2)),
        st.tuples(st.just("hole"), st.integers(1, 3 * PAGE), st.just(0)),
        st.tuples(st.just("gap"), st.integers(1, 3 * PAGE), st.just(0)),
    ),
    max_size=6,
)


def build(pattern):
    made = {"data": lambda n, v: Data(bytes([v]) * n), "hole": lambda n, v: Zeros(n), "gap": lambda n, v: Gap(n, "gone")}
    return concat(*(made[kind](n, value) for kind, n, value in pattern))


def whole(pattern, size):
    """Every byte, None where there is none."""
    found = []
    for kind, n, value in pattern:
        found += [None if kind == "gap" else value] * n
    return found + [None] * (size - len(found))


@given(parts, parts)
def test_the_pages_are_those_in_which_any_byte_differs(one, other):
    a, b = build(one), build(other)
    size = max(a.size, b.size)
    left, right = whole(one, size), whole(other, size)
    expected = {i // PAGE for i in range(size) if left[i] != right[i]}
    found = {page for run in differing(a, b) for page in range(run.start // PAGE, -(-run.end // PAGE))}
    assert found == expected


@given(parts)
def test_nothing_differs_from_itself(pattern):
    assert list(differing(build(pattern), build(pattern))) == []


@given(parts, parts)
def test_all_of_it_is_accounted_for(one, other):
    a, b = build(one), build(other)
    dealt = []
    runs = list(differing(a, b, dealt.append))
    assert sum(dealt) == max(a.size, b.size)
    assert all(x.end <= y.start for x, y in pairwise(runs))


def test_neighbouring_pages_are_one_run_and_a_hole_equals_zeros():
    a = concat(Data(b"x" * PAGE * 3), Zeros(PAGE), Data(bytes(PAGE)))
    b = concat(Data(b"x" * PAGE), Data(b"y" * PAGE * 2), Data(bytes(PAGE)), Zeros(PAGE))
    assert list(differing(a, b)) == [Run(PAGE, 3 * PAGE, "differs")]


def test_what_only_one_has_is_told_apart():
    assert list(differing(Data(b"x" * PAGE), Data(b"x" * 2 * PAGE))) == [Run(PAGE, 2 * PAGE, "only in b")]
    assert list(differing(Data(b"x" * PAGE), Gap(PAGE, "gone"))) == [Run(0, PAGE, "only in a")]


def test_two_holes_of_any_size_take_no_time():
    assert list(differing(Zeros(1 << 50), Zeros(1 << 50))) == []
