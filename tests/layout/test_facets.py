"""Parts of an object that are decoded on first use, each on its own."""

import pytest

from snapfs.errors import CorruptState
from snapfs.layout import Facets, facet


class Machine(Facets):
    def __init__(self, **source):
        self._source = source
        self.computed = []

    @property
    def source(self):
        return self._source

    @facet(needs="regs")
    def regs(self) -> int:
        self.computed.append("regs")
        return self._source["regs"]

    @facet(needs="bad")
    def bad(self) -> int:
        self.computed.append("bad")
        raise CorruptState("bad: not what it should be")

    @facet("mp_state", needs=("mp", "regs"))
    def state(self) -> int:
        return self._source["mp"]

    @facet(when=lambda m: m._source.get("apic"))
    def lapic(self) -> int:
        return 1

    @facet(needs="inner", hidden=True)
    def inner(self) -> int:
        return self._source["inner"]


class Newer(Machine):
    @facet(needs="late")
    def late(self) -> int:
        return 2

    @facet(needs="regs")
    def regs(self) -> int:
        return -self._source["regs"]


def names(machine):
    return [f.name for f in machine.facets()]


def test_a_part_exists_when_all_that_it_needs_is_there():
    assert names(Machine(regs=1)) == ["regs"]
    assert names(Machine(mp=1)) == []
    assert names(Machine(regs=1, mp=2, apic=True)) == ["regs", "mp_state", "lapic"]


def test_listing_decodes_nothing():
    machine = Machine(regs=1, bad=1)
    assert names(machine) == ["regs", "bad"]
    assert machine.computed == []


def test_a_part_is_computed_once():
    machine = Machine(regs=5)
    assert (machine.regs, machine.regs) == (5, 5)
    assert machine.computed == ["regs"]


def test_a_part_fails_alone_and_every_time_with_the_same_words():
    machine = Machine(regs=5, bad=1)
    for _ in range(2):
        with pytest.raises(CorruptState, match="not what it should be"):
            _ = machine.bad
    assert machine.regs == 5
    assert machine.computed == ["bad", "regs"]


def test_hidden_parts_have_no_place_but_count_as_understood():
    machine = Machine(inner=3)
    assert names(machine) == []
    assert machine.inner == 3
    assert Machine.understood() == {"regs", "bad", "mp", "inner"}


def test_a_subclass_adds_and_replaces_parts_in_the_order_of_declaration():
    machine = Newer(regs=5, late=1)
    assert names(machine) == ["regs", "late"]
    assert machine.regs == -5
