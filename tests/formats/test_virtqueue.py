"""Virtqueues: what is in flight, chains, and guests that mean harm."""

import random
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapfs.errors import AddressError, CorruptState
from snapfs.formats.virtqueue import INDIRECT, NEXT, WRITE, PackedRing, SplitRing

DESC, AVAIL, USED, TABLE = 0x10000, 0x20000, 0x40000, 0x80000


class Memory:
    """Sparse guest memory; what was never written is not there, above 1 MiB nothing is."""

    def __init__(self) -> None:
        self.data = bytearray(1 << 20)

    def write(self, address: int, data: bytes) -> None:
        self.data[address : address + len(data)] = data

    def read(self, address: int, length: int) -> bytes:
        assert length <= 1 << 20, "an allocation by a number of the guest's"
        if address + length > len(self.data):
            raise AddressError(f"0x{address:016x}: not in the snapshot")
        return bytes(self.data[address : address + length])

    def descriptor(self, number: int, address: int, length: int, flags: int = 0, following: int = 0, table: int = DESC) -> None:
        self.write(table + 16 * number, struct.pack("<QIHH", address, length, flags, following))


class Queue:
    """A driver and a device that share a ring, after Virtio 1.2, 2.7: the driver gives heads that are free, the device answers."""

    def __init__(self, size: int, start: int = 0) -> None:
        self.memory = Memory()
        self.size = size
        self.free = list(range(size))
        self.busy: list[int] = []
        self.avail = self.used = start
        self._indices()

    def _indices(self) -> None:
        self.memory.write(AVAIL + 2, struct.pack("<H", self.avail & 0xFFFF))
        self.memory.write(USED + 2, struct.pack("<H", self.used & 0xFFFF))

    def give(self) -> None:
        head = self.free.pop()
        self.memory.write(AVAIL + 4 + 2 * (self.avail % self.size), struct.pack("<H", head))
        self.busy.append(head)
        self.avail += 1
        self._indices()

    def answer(self, which: int = 0) -> None:
        head = self.busy.pop(which)
        self.memory.write(USED + 4 + 8 * (self.used % self.size), struct.pack("<II", head, 0))
        self.free.append(head)
        self.used += 1
        self._indices()

    @property
    def ring(self) -> SplitRing:
        return SplitRing(self.memory.read, self.size, DESC, AVAIL, USED)


def test_a_fresh_queue_has_nothing_in_flight() -> None:
    ring = Queue(8).ring
    assert (ring.avail_idx, ring.used_idx, ring.in_flight, ring.pending()) == (0, 0, 0, [])


@given(size=st.sampled_from([1, 2, 4, 8, 256]), start=st.sampled_from([0, 65530, 65535]), steps=st.lists(st.booleans(), max_size=60))
def test_what_an_orderly_device_has_not_answered_is_in_flight(size: int, start: int, steps: list[bool]) -> None:
    queue = Queue(size, start)
    for give in steps:
        if give and queue.free:
            queue.give()
        elif queue.busy:
            queue.answer()
    assert queue.ring.in_flight == len(queue.busy)
    assert queue.ring.pending() == [((queue.used + n) & 0xFFFF, head) for n, head in enumerate(queue.busy)]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=60))
def test_on_a_ring_that_has_not_gone_round_any_order_of_answers_is_understood(steps: list[tuple[bool, int]]) -> None:
    queue = Queue(64)
    for give, which in steps:
        if give:
            queue.give()
        elif queue.busy:
            queue.answer(which % len(queue.busy))
    assert sorted(head for _, head in queue.ring.pending()) == sorted(queue.busy)


def test_a_request_that_others_have_overtaken_is_found() -> None:
    queue = Queue(8)
    for _ in range(5):
        queue.give()
        queue.answer()
    queue.give()
    stuck = queue.busy[0]
    for _ in range(4):
        queue.give()
        queue.answer(1)
    assert [head for _, head in queue.ring.pending()] == [stuck]


def test_a_request_whose_place_was_written_again_is_only_counted() -> None:
    queue = Queue(4)
    queue.give()
    for _ in range(40):
        queue.give()
        queue.answer(1)
    assert queue.ring.in_flight == 1
    assert len(queue.ring.pending()) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_came_back_for_sure_is_called_in_flight(seed: int) -> None:
    dice = random.Random(seed)
    queue = Queue(16)
    for _ in range(500):
        if queue.free and dice.random() < 0.5:
            queue.give()
        elif queue.busy:
            queue.answer(dice.randrange(min(3, len(queue.busy))))
    found = {head for _, head in queue.ring.pending()}
    assert len(found) <= len(queue.busy)
    # a device that strays a little from the order is read right but for a few
    assert len(found & set(queue.busy)) >= len(queue.busy) - 2


def test_indices_further_apart_than_the_queue_is_long_are_called_damage() -> None:
    queue = Queue(8)
    queue.memory.write(AVAIL + 2, struct.pack("<H", 100))
    with pytest.raises(CorruptState, match="100 apart in a queue of 8"):
        _ = queue.ring.in_flight


@pytest.mark.parametrize("size", [0, 32769, 65535])
def test_a_queue_of_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(CorruptState):
        SplitRing(Memory().read, size, DESC, AVAIL, USED)


def _one_entry(size: int = 16) -> Queue:
    queue = Queue(size)
    queue.free = [0]
    queue.give()
    return queue


def test_a_chain_is_followed_to_its_end() -> None:
    queue = _one_entry()
    queue.memory.descriptor(0, 0x1000, 16, NEXT, 5)
    queue.memory.descriptor(5, 0x2000, 512, NEXT | WRITE, 3)
    queue.memory.descriptor(3, 0x3000, 1, WRITE)
    (chain,) = queue.ring.chains()
    assert [(d.number, d.address, d.length, d.writable) for d in chain.descriptors] == [
        (0, 0x1000, 16, False),
        (5, 0x2000, 512, True),
        (3, 0x3000, 1, True),
    ]
    assert not chain.problem


def test_an_indirect_table_is_followed() -> None:
    queue = _one_entry()
    queue.memory.descriptor(0, TABLE, 48, INDIRECT)
    queue.memory.descriptor(0, 0x1000, 16, NEXT, 2, TABLE)
    queue.memory.descriptor(2, 0x2000, 1, WRITE, 0, TABLE)
    (chain,) = queue.ring.chains()
    assert [(d.number, d.indirect) for d in chain.descriptors] == [(0, False), (0, True), (2, True)]
    assert not chain.problem


def test_a_loop_ends_where_it_closes() -> None:
    queue = _one_entry()
    queue.memory.descriptor(0, 0x1000, 16, NEXT, 1)
    queue.memory.descriptor(1, 0x1000, 16, NEXT, 0)
    (chain,) = queue.ring.chains()
    assert len(chain.descriptors) == 2
    assert "loops back" in chain.problem


def test_a_table_inside_a_table_is_refused() -> None:
    queue = _one_entry()
    queue.memory.descriptor(0, TABLE, 16, INDIRECT)
    queue.memory.descriptor(0, TABLE, 16, INDIRECT, 0, TABLE)
    (chain,) = queue.ring.chains()
    assert "inside an indirect table" in chain.problem


def test_a_table_outside_ram_ends_its_own_chain_only() -> None:
    queue = Queue(16)
    queue.free = [1, 0]
    queue.give()
    queue.give()
    queue.memory.descriptor(0, 1 << 40, 16, INDIRECT)
    queue.memory.descriptor(1, 0x1000, 16)
    first, second = queue.ring.chains()
    assert "not in the snapshot" in first.problem
    assert not second.problem


def test_a_guest_that_makes_every_chain_as_long_as_it_can_costs_little() -> None:
    queue = Queue(4096)
    for _ in range(4096):
        queue.give()
    for number in range(4096):
        queue.memory.descriptor(number, TABLE, 0x10000, INDIRECT)
        queue.memory.descriptor(number, 0x1000, 16, NEXT, (number + 1) % 4096, TABLE)
    started = time.monotonic()
    chains = list(queue.ring.chains())
    assert sum(len(c.descriptors) for c in chains) <= 1 << 15
    assert "not followed" in chains[-1].problem
    assert time.monotonic() - started < 30


@settings(max_examples=60, deadline=None)
@given(
    rings=st.binary(min_size=512, max_size=2048),
    size=st.sampled_from([1, 3, 16, 64]),
    at=st.tuples(*[st.sampled_from([0, 8, 100, 256, (1 << 20) - 40, (1 << 64) - 4])] * 3),
)
def test_no_content_of_the_rings_makes_a_walk_hang_or_escape(rings: bytes, size: int, at: tuple[int, int, int]) -> None:
    memory = Memory()
    memory.write(0, rings)
    ring = SplitRing(memory.read, size, *at)
    try:
        chains = list(ring.chains())
    except (AddressError, CorruptState):
        return
    assert len(chains) <= size
    for chain in chains:
        assert len(chain.descriptors) <= size + 1


def test_packed_descriptors_are_in_flight_when_their_wrap_bits_differ() -> None:
    memory = Memory()
    memory.write(DESC, struct.pack("<QIHH", 0x1000, 64, 7, 1 << 7) + struct.pack("<QIHH", 0x2000, 64, 8, 1 << 7 | 1 << 15))
    (d,) = PackedRing(memory.read, 2, DESC).available()
    assert (d.number, d.address, d.length, d.next) == (0, 0x1000, 64, 7)
