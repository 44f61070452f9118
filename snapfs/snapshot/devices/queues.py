"""The virtqueues of a device: what was saved of them, and what guest memory says.

From v16 on the ring positions are not saved: the indices, and the entries in flight between them, are in guest memory alone.
Every file fails for itself, so that a ring outside RAM leaves sizes and addresses readable.
Source: Cloud Hypervisor, virtio-devices/src/transport/pci_device.rs (`QueueState`), rust-vmm virtio-queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from snapfs.errors import CorruptState, SnapfsError
from snapfs.formats import virtio, virtio_requests
from snapfs.formats.virtqueue import INDIRECT, Chain, Descriptor, PackedRing, Reader, SplitRing
from snapfs.layout import BOOL, DEC, Choice, Facets, Flags, Hex, facet
from snapfs.layout.facets import Text

__all__ = ["Queue", "Queues"]

_PACKED: Final = 34
_EVENT_IDX: Final = 29
_FLAGS: Final = {0: "NEXT", 1: "WRITE", 2: "INDIRECT", 7: "AVAIL", 15: "USED"}
# entries in flight that a summary names
_SHOWN: Final = 8
# descriptors that it follows for that
_FEW: Final = 256


class Queue(Facets):
    """One queue. `features` are those in force, 0 where that is not known."""

    def __init__(
        self,
        number: int,
        count: int,
        saved: Any,
        kind: int | None,
        features: int,
        read: Reader,
        where: str,
        vector: int | None = None,
        base: int | None = None,
        buffers: Reader | None = None,
        doorbell: Callable[[int], int | None] = lambda _: None,
    ) -> None:
        self.number = number
        self.where = where
        self._saved: Mapping[str, Any] = saved if isinstance(saved, dict) else {}
        self._kind = kind
        self._features = features
        self._read = read
        self._vector = vector
        self._base = base
        self._buffers = buffers or read
        self._doorbell = doorbell
        self.role = virtio.queue_name(kind, number, count, features)

    @property
    def source(self) -> Mapping[str, Any]:
        return self._saved

    def _number(self, key: str, bits: int) -> int:
        value = self._saved.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise CorruptState(f"{self.where}/{key}: {repr(value)[:60]} where a number of {bits} bits is expected")
        return value

    @property
    def packed(self) -> bool:
        """Whether the rings are packed rather than split."""
        return bool(self._features >> _PACKED & 1)

    @property
    def set_up(self) -> bool:
        """Whether the driver has set the queue up, so that its rings mean something."""
        return self._saved.get("ready") is True and bool(self._saved.get("desc_table"))

    @property
    def _split(self) -> bool:
        return self.set_up and not self.packed

    @property
    def ring(self) -> SplitRing:
        """The rings in guest memory. CorruptState where there are none to look at."""
        return SplitRing(
            self._read,
            self._number("size", 16),
            self._number("desc_table", 64),
            self._number("avail_ring", 64),
            self._number("used_ring", 64),
            self._buffers,
        )

    # ---- what was saved

    @facet(when=lambda self: bool(self.role))
    def name(self) -> str:
        """What the queue is for."""
        return self.role

    @facet(needs="size")
    def size(self) -> Annotated[int, DEC]:
        """Entries, as the driver chose."""
        return self._number("size", 16)

    @facet(needs="max_size")
    def max_size(self) -> Annotated[int, DEC]:
        """Entries that the device offered."""
        return self._number("max_size", 16)

    @facet(needs="ready")
    def ready(self) -> Annotated[bool, BOOL]:
        """Whether the driver has enabled the queue."""
        return self._saved["ready"] is True

    @facet(needs="desc_table")
    def desc_table(self) -> Annotated[int, Hex(64)]:
        """Guest-physical address of the descriptor table."""
        return self._number("desc_table", 64)

    @facet(needs="avail_ring")
    def avail_ring(self) -> Annotated[int, Hex(64)]:
        """Guest-physical address of the ring that the driver writes."""
        return self._number("avail_ring", 64)

    @facet(needs="used_ring")
    def used_ring(self) -> Annotated[int, Hex(64)]:
        """Guest-physical address of the ring that the device writes."""
        return self._number("used_ring", 64)

    @facet(when=lambda self: self._vector is not None or "vector" in self._saved)
    def vector(self) -> Annotated[int, Choice({virtio.NO_VECTOR: "none"})]:
        """The entry of the MSI-X table that the queue interrupts with."""
        return self._number("vector", 16) if self._vector is None else self._vector

    @facet(when=lambda self: self._rings_at() is not None)
    def doorbell(self) -> Annotated[int, Hex(64)]:
        """Guest-physical address that the driver writes to to notify the device."""
        return self._rings_at() or 0

    def _rings_at(self) -> int | None:
        try:
            return self._doorbell(self.number)
        except SnapfsError:
            return None

    @facet(needs="next_avail")
    def next_avail(self) -> Annotated[int, DEC]:
        """The entry that the device takes next (saved up to v15)."""
        return self._number("next_avail", 16)

    @facet(needs="next_used")
    def next_used(self) -> Annotated[int, DEC]:
        """The entry that the device answers into next (saved up to v15)."""
        return self._number("next_used", 16)

    @facet(when=lambda self: self._base is not None)
    def vring_base(self) -> Annotated[int, DEC]:
        """The entry that a vhost-user back end takes next (saved from v52 on)."""
        return self._base or 0

    @facet(needs="event_idx")
    def event_idx(self) -> Annotated[bool, BOOL]:
        """Whether event indices are in force (saved from v0.8 to v15)."""
        return self._saved["event_idx"] is True

    @facet(needs="signalled_used", when=lambda self: self._saved.get("signalled_used") is not None)
    def signalled_used(self) -> Annotated[int, DEC]:
        """The index that the device last interrupted at (saved from v0.8 to v15)."""
        return self._number("signalled_used", 16)

    # ---- what guest memory says

    @facet(when=lambda self: not self.packed)
    def avail_idx(self) -> Annotated[int, DEC]:
        """Entries that the driver has made available since the start, modulo 65536; none before it has set the queue up."""
        return self.ring.avail_idx if self.set_up else 0

    @facet(when=lambda self: not self.packed)
    def used_idx(self) -> Annotated[int, DEC]:
        """Entries that the device has returned since the start, modulo 65536; none before the driver has set the queue up."""
        return self.ring.used_idx if self.set_up else 0

    @facet(when=lambda self: self._split)
    def avail_flags(self) -> Annotated[int, Flags(16, {0: "NO_INTERRUPT"})]:
        """What the driver asks of the device."""
        return self.ring.avail_flags

    @facet(when=lambda self: self._split)
    def used_flags(self) -> Annotated[int, Flags(16, {0: "NO_NOTIFY"})]:
        """What the device asks of the driver."""
        return self.ring.used_flags

    @facet(when=lambda self: self._split and self._events)
    def used_event(self) -> Annotated[int, DEC]:
        """The driver wants an interrupt once the used index passes this one."""
        return self.ring.used_event

    @facet(when=lambda self: self._split and self._events)
    def avail_event(self) -> Annotated[int, DEC]:
        """The device wants a notification once the avail index passes this one."""
        return self.ring.avail_event

    @property
    def _events(self) -> bool:
        return bool(self._features >> _EVENT_IDX & 1)

    @facet()
    def in_flight(self) -> Annotated[int, DEC]:
        """Entries with the device: available and not yet used."""
        if not self.set_up:
            return 0
        return len(self._available) if self.packed else self.ring.in_flight

    @property
    def _available(self) -> list[Descriptor]:
        return PackedRing(self._read, self._number("size", 16), self._number("desc_table", 64)).available()

    @facet("descriptors.txt")
    def descriptors(self) -> Text:
        """The descriptor chains of the entries in flight, and what each asks for."""
        return Text("".join(line + "\n" for line in self._describe()))

    def requests(self, *, few: bool = False) -> Iterator[tuple[Chain, str]]:
        """The entries in flight, oldest first, with what each asks for (empty where that cannot be told); `few` looks at the first."""
        if self._split:
            for chain in self.ring.chains(_FEW) if few else self.ring.chains():
                yield chain, virtio_requests.describe(self._buffers, self._kind, self.role, chain)

    def _describe(self) -> Iterator[str]:
        if not self.set_up:
            yield "# the driver has not set this queue up"
            return
        if self.packed:
            found = self._available
            yield f"# packed ring: {len(found)} descriptors in flight (wrap counters are not saved: told from the descriptors' flags)"
            for d in found:
                yield f"  descriptor {d.number} id {d.next}: {_one(d)}"
            return
        count = self.ring.in_flight
        yield f"# {count} in flight (avail index {self.ring.avail_idx}, used index {self.ring.used_idx})"
        for chain, words in self.requests():
            yield f"entry {chain.position} head {chain.head}" + (f": {words}" if words else "")
            for d in chain.descriptors:
                yield f"  {'  ' if d.indirect else ''}descriptor {d.number}: {_one(d)}"
            if chain.problem:
                yield f"  ! {chain.problem}"
        if lost := count - len(self.ring.pending()):
            yield f"# {lost} more in flight: they wait for so long that their places in the ring were written again"

    # ---- one line

    def _idle(self) -> bool:
        """Whether the device waits to be notified: it has seen all that it was told of."""
        ring = self.ring
        return ring.avail_event == ring.used_idx if self._events else not ring.used_flags & 1

    @property
    def stuck(self) -> bool:
        """Whether requests are in flight that the device waits to be told of."""
        try:
            return self._split and not virtio.is_input(self._kind, self.role) and self.ring.in_flight > 0 and self._idle()
        except SnapfsError:
            return False

    def waiting(self) -> Iterator[str]:
        """The entries in flight and why nobody works on them, as far as the rings tell; nothing for a queue that is well."""
        if not self._split or virtio.is_input(self._kind, self.role):
            return
        try:
            count, idle = self.ring.in_flight, self._idle()
            for n, (chain, words) in enumerate(self.requests(few=True) if count else ()):
                if n == _SHOWN:
                    yield f"and more: queues/{self.number}/descriptors.txt"
                    break
                yield f"entry {chain.position}: {words or f'head {chain.head}'}"
        except SnapfsError:
            return
        if count and idle:
            at = self._rings_at()
            where = "" if at is None else f" (at 0x{at:016x})"
            yield f"the device waits to be notified of this: the doorbell{where} was never rung, or only just before the pause"
        elif count:
            yield "the device was at work on the queue"
        if unseen := self._unseen():
            yield f"the device has returned {unseen} that the driver had not looked at: its interrupt was to be taken yet, or is lost"

    def _unseen(self) -> int:
        """Entries that the device has returned since the driver last looked; 0 where that cannot be told.

        The used event of a driver that takes an interrupt for each answer is where it has come to; drivers of other queues
        move it on, or poll.
        """
        try:
            if not self._events or not self.role.startswith("requestq") or self.ring.avail_flags & 1:
                return 0
            behind = (self.ring.used_idx - self.ring.used_event) & 0xFFFF
        except SnapfsError:
            return 0
        return behind if behind <= self.ring.size else 0

    def line(self) -> str:
        """The queue in one line."""
        title = f"queue {self.number}" + (f" ({self.role})" if self.role else "")
        if not self.set_up:
            return f"{title}: not set up"
        try:
            if self.packed:
                return f"{title}: packed ring, {self.in_flight} in flight"
            text = f"{title}: avail {self.avail_idx}, used {self.used_idx}, {self.in_flight} in flight"
        except SnapfsError as error:
            return f"{title}: cannot be read: {error}"
        if self.in_flight and virtio.is_input(self._kind, self.role):
            text += ", waiting for input"
        return text


def _one(d: Descriptor) -> str:
    what = "indirect table" if d.flags & INDIRECT else "device writes" if d.writable else "device reads"
    names = " ".join(name for bit, name in _FLAGS.items() if d.flags >> bit & 1)
    link = f" next {d.next}" if d.flags & 1 else ""
    return f"0x{d.address:016x} {d.length} bytes, {what}{f' [{names}]' if names else ''}{link}"


class Queues(Facets):
    """All queues of a device by number."""

    def __init__(self, queues: Mapping[int, Queue]) -> None:
        self._queues = queues

    @property
    def rest(self) -> Mapping[str, Queue]:
        """The queues, for the tree."""
        return {str(n): queue for n, queue in self._queues.items()}

    def __getitem__(self, number: int) -> Queue:
        return self._queues[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._queues)

    def __len__(self) -> int:
        return len(self._queues)

    def values(self) -> Iterator[Queue]:
        """The queues in order."""
        return iter(self._queues.values())
