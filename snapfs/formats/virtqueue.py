"""Virtqueues in guest memory: split and packed rings, the descriptor chains of what is in flight.

Everything here was written by the guest and may be hostile: chains that loop, tables of any length, indices that leap. A
chain has at most as many descriptors as its queue, as the specification asks, and one look at a queue follows a bounded
number of them in all. Source: Virtio 1.2, sections 2.7 (split) and 2.8 (packed).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from snapfs.errors import CorruptState, SnapfsError

__all__ = ["INDIRECT", "NEXT", "WRITE", "Chain", "Descriptor", "PackedRing", "Reader", "SplitRing"]

Reader = Callable[[int, int], bytes]
"""`read(address, length)`: guest-physical memory; raises a SnapfsError for what is not there."""

NEXT: Final = 1
WRITE: Final = 2
INDIRECT: Final = 4
#: the largest queue of the specification
LARGEST: Final = 32768
#: descriptors that one look at a queue follows
_BUDGET: Final = 1 << 14
#: the largest number of heads that one look at a queue takes up
_HEADS: Final = 4096

_DESCRIPTOR: Final = struct.Struct("<QIHH")


class Descriptor(NamedTuple):
    """A descriptor: its `number` in its table, which is the queue's own or (`indirect`) one that a descriptor points to."""

    number: int
    address: int
    length: int
    flags: int
    next: int
    indirect: bool = False

    @property
    def writable(self) -> bool:
        """Whether the device writes to the buffer; else it reads it."""
        return bool(self.flags & WRITE)


@dataclass(frozen=True)
class Chain:
    """The descriptors of one entry, as far as they could be followed; `problem` says why not further."""

    head: int
    position: int
    descriptors: tuple[Descriptor, ...]
    problem: str = ""


@dataclass
class _Walk:
    """What one look at a queue has left to follow."""

    left: int
    found: list[Descriptor] = field(default_factory=list)


def _check(size: int) -> None:
    if not 1 <= size <= LARGEST:
        raise CorruptState(f"a queue of {size} entries; virtio has 1 to {LARGEST}")


_NEVER: Final = 1 << 32


def _stray(given: list[int], returned: list[int], count: int, size: int) -> int:
    """How much further from the driver's order the device strayed if a head is in flight than if it is not.

    `given` and `returned` are the positions of the head's turns, in order. Negative: rather in flight; `_NEVER`: cannot be.
    """
    if returned and returned[-1] >= given[-1]:
        return _NEVER
    if not returned or returned[-1] <= given[-1] - size:
        return -_NEVER if given[-1] >= 0 else -size
    before = count - size - 1
    return _distance(returned[::-1], given[-2::-1] if len(given) > 1 else [], before) - _distance(returned[::-1], given[::-1], before)


def _distance(returned: list[int], given: list[int], before: int) -> int:
    """Sum of how far each return is from its entry, latest first; an entry that is no more in the ring was at or before `before`."""
    return sum(abs(b - given[i]) if i < len(given) else max(0, b - before) for i, b in enumerate(returned))


class SplitRing:
    """A split virtqueue of `size` entries. `buffers` reads what descriptors point to, where an IOMMU is in between."""

    def __init__(self, read: Reader, size: int, desc_table: int, avail_ring: int, used_ring: int, buffers: Reader | None = None) -> None:
        _check(size)
        self._read = read
        self._buffers = buffers or read
        self.size = size
        self._desc = desc_table
        self._avail = avail_ring
        self._used = used_ring

    def _word(self, address: int) -> int:
        return int.from_bytes(self._read(address, 2), "little")

    @property
    def avail_flags(self) -> int:
        """Bit 0: the driver wants no interrupt."""
        return self._word(self._avail)

    @property
    def avail_idx(self) -> int:
        """Where the driver puts the next entry, counting on without end."""
        return self._word(self._avail + 2)

    @property
    def used_flags(self) -> int:
        """Bit 0: the device wants no notification, because it is at work on the queue."""
        return self._word(self._used)

    @property
    def used_idx(self) -> int:
        """Where the device puts the next answer, counting on without end."""
        return self._word(self._used + 2)

    @property
    def used_event(self) -> int:
        """Event index: the driver wants an interrupt once the device's index passes this one."""
        return self._word(self._avail + 4 + 2 * self.size)

    @property
    def avail_event(self) -> int:
        """Event index: the device wants a notification once the driver's index passes this one."""
        return self._word(self._used + 4 + 8 * self.size)

    @property
    def in_flight(self) -> int:
        """Entries that the driver made available and the device has not returned."""
        count = (self.avail_idx - self.used_idx) & 0xFFFF
        if count > self.size:
            raise CorruptState(
                f"avail index {self.avail_idx} and used index {self.used_idx} are {count} apart in a queue of {self.size}: "
                "the rings were not set up yet, or the guest has overwritten them"
            )
        return count

    def pending(self) -> list[tuple[int, int]]:
        """The `(position, head)` of the entries in flight, oldest first.

        Devices may answer out of order, so the entries in flight are not simply the last ones. A head goes back and forth
        between driver and device, and is in flight when its last turn was the driver's. The rings remember the last `size`
        turns of each side; where that leaves it open, the reading wins in which the device strayed least from the order of
        the driver. Fewer than `in_flight` are found when an entry waits for so long that its place was written again.
        """
        count = self.in_flight
        if not count:
            return []
        avail, used = self.avail_idx, self.used_idx
        ring = struct.unpack(f"<{self.size}H", self._read(self._avail + 4, 2 * self.size))
        done = struct.unpack(f"<{2 * self.size}I", self._read(self._used + 4, 8 * self.size))[::2]
        # positions are relative to the used index; a ring that has not gone round yet holds nothing before its start
        young = used <= avail <= self.size
        given: dict[int, list[int]] = {}
        for at in range(count - avail if young else count - self.size, count):
            given.setdefault(ring[(used + at) % self.size], []).append(at)
        returned: dict[int, list[int]] = {}
        for at in range(-used if young else -self.size, 0):
            returned.setdefault(done[(used + at) % self.size], []).append(at)
        turns = [(head, at, returned.get(head, [])) for head, at in given.items()]
        if young and all(0 <= len(at) - len(back) <= 1 for _, at, back in turns):
            chosen = [(at[-1], head) for head, at, back in turns if len(at) > len(back)]
        else:
            weighed = sorted((_stray(at, back, count, self.size), -at[-1], head) for head, at, back in turns)
            chosen = [(-minus, head) for cost, minus, head in weighed[:count] if cost < _NEVER]
        return [((used + at) & 0xFFFF, head) for at, head in sorted(chosen)]

    def chains(self, budget: int = _BUDGET) -> Iterator[Chain]:
        """The descriptor chains of the entries in flight, oldest first; not more than `budget` descriptors are followed."""
        walk = _Walk(budget)
        entries = self.pending()
        for n, (position, head) in enumerate(entries):
            if n >= _HEADS or walk.left <= 0:
                yield Chain(head, position, (), f"{len(entries) - n} more entries are not followed here")
                return
            yield self._chain(position, head, walk)

    def _chain(self, position: int, head: int, walk: _Walk) -> Chain:
        walk.found = []
        try:
            problem = self._follow(head, walk)
        except SnapfsError as error:
            problem = str(error)
        return Chain(head, position, tuple(walk.found), problem)

    def _follow(self, head: int, walk: _Walk) -> str:
        """Appends the chain's descriptors to `walk.found`; returns why it ended early, or nothing."""
        table, size, indirect = self._desc, self.size, False
        index = head
        seen: set[int] = set()
        while True:
            if index >= size:
                return f"descriptor {index} is beyond the table of {size}"
            if index in seen:
                return f"the chain loops back to descriptor {index}"
            if len(walk.found) > self.size:
                return f"the chain is longer than the queue of {self.size}"
            if walk.left <= 0:
                return "not followed further here"
            seen.add(index)
            walk.left -= 1
            read = self._buffers if indirect else self._read
            address, length, flags, following = _DESCRIPTOR.unpack(read(table + 16 * index, 16))
            descriptor = Descriptor(index, address, length, flags, following, indirect)
            walk.found.append(descriptor)
            if flags & INDIRECT:
                if indirect:
                    return "an indirect table inside an indirect table"
                if length < 16 or length % 16:
                    return f"an indirect table of {length} bytes"
                # the table's own length is the guest's word: only the chain inside bounds the walk
                table, size, indirect, index = address, length // 16, True, 0
                seen = set()
            elif flags & NEXT:
                index = following
            else:
                return ""


class PackedRing:
    """A packed virtqueue: the wrap counters are not saved, so that only what the descriptors say can be told."""

    def __init__(self, read: Reader, size: int, desc_ring: int) -> None:
        _check(size)
        self._read = read
        self.size = size
        self._desc = desc_ring

    def available(self) -> list[Descriptor]:
        """The descriptors that the driver made available and the device has not used: their two wrap bits differ."""
        data = self._read(self._desc, 16 * self.size)
        found = []
        for index in range(self.size):
            address, length, identity, flags = _DESCRIPTOR.unpack_from(data, 16 * index)
            if (flags >> 7 & 1) != (flags >> 15 & 1):
                found.append(Descriptor(index, address, length, flags, identity))
        return found
