"""LPIs: which message of which device is which interrupt, and where it goes.

The interrupt translation service keeps its tables in guest RAM, where KVM put them at the pause: a table of devices, each entry with
a table of its events, and a table of collections. Which LPIs are enabled and pending stands in tables that the redistributors name.
All of it may have been written by the guest: walks are bounded, and every table is read once.

Sources: linux, Documentation/virt/kvm/devices/arm-vgic-its.rst (the tables' layout, ABI revision 0); Arm GIC Architecture Specification
(IHI 0069), sections 5.1 (LPI tables) and 12.19 (GITS_BASER); Cloud Hypervisor, arch/src/aarch64/fdt.rs (`msi-map`: a device's id is
its function number behind its PCI segment).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Annotated, Final, NamedTuple

from snapfs.errors import AddressError, CorruptState
from snapfs.guest.paging.space import Physical
from snapfs.layout import Hex
from snapfs.snapshot.gic import Gic

__all__ = ["Lpi", "bdf", "lpis"]

_ENTRY: Final = 8
_FIRST: Final = 8192
_PAGES: Final = {0: 4096, 1: 16384, 2: 65536}
_DEVICES, _COLLECTIONS = 1, 4
# entries that one walk looks at, and LPIs that it gives, at the most: more than a guest needs for all devices that there can be
_BUDGET: Final = 1 << 18
_MOST: Final = 1 << 16
_CHUNK: Final = 1 << 16


class Lpi(NamedTuple):
    """One message of a device. `vcpu` is where its collection goes; `pending` is None where that vCPU's table was not saved."""

    device: Annotated[int, Hex(32)]
    event: int
    collection: int
    vcpu: int | None
    enabled: bool
    pending: bool | None
    priority: Annotated[int, Hex(8)]


def bdf(device: int) -> str:
    """The PCI function behind a device id."""
    return f"{device >> 8:04x}:00:{device >> 3 & 31:02x}.{device & 7}"


class _Tables:
    """Reads entries of 64 bits, no more in all than the budget."""

    def __init__(self, memory: Physical) -> None:
        self._memory = memory
        self._left = _BUDGET

    def entries(self, address: int, count: int) -> Iterator[tuple[int, int]]:
        """The entries that are not zero, each with its index."""
        for start in range(0, count * _ENTRY, _CHUNK):
            length = min(_CHUNK, count * _ENTRY - start)
            self._left -= length // _ENTRY
            if self._left < 0:
                raise CorruptState(f"its tables have more than {_BUDGET} entries, which no machine has")
            data = self._memory.read(address + start, length)
            if any(data):
                yield from ((start // _ENTRY + i, v) for i, v in enumerate(struct.unpack(f"<{length // _ENTRY}Q", data)) if v)

    def table(self, baser: int) -> Iterator[tuple[int, int]]:
        """The entries of a table that a GITS_BASER describes, through its first level where it has two."""
        page = _PAGES.get(baser >> 8 & 3)
        if not baser >> 63 or page is None:
            return
        if (baser >> 48 & 31) + 1 != _ENTRY:
            raise CorruptState(f"GITS_BASER 0x{baser:016x}: entries of {(baser >> 48 & 31) + 1} bytes, KVM's have {_ENTRY}")
        address = baser & ((1 << 48) - (1 << 12))
        count = ((baser & 0xFF) + 1) * page // _ENTRY
        if not baser >> 62 & 1:
            yield from self.entries(address, count)
            return
        seen = set()
        for index, pointer in self.entries(address, count):
            below = pointer & ((1 << 52) - (1 << 16))
            if pointer >> 63 and below not in seen:
                seen.add(below)
                yield from ((index * (page // _ENTRY) + i, v) for i, v in self.entries(below, page // _ENTRY))


def _of_type(gic: Gic, kind: int) -> int:
    """The GITS_BASER of a type of table; 0 where there is none."""
    its = gic.its
    return next((value for name, value in its.items() if name.startswith("GITS_BASER") and value >> 56 & 7 == kind), 0)


def lpis(memory: Physical, gic: Gic) -> Iterator[tuple[int, Lpi]]:
    """The LPIs by number, in the order of devices and events. AddressError where a table is not in the snapshot, CorruptState
    where it is none."""
    tables = _Tables(memory)
    vcpus = {entry & 0xFFFF: entry >> 16 & ((1 << 36) - 1) for _, entry in tables.table(_of_type(gic, _COLLECTIONS)) if entry >> 63}
    states = _States(memory, gic)
    given = 0
    for device, entry in tables.table(_of_type(gic, _DEVICES)):
        if not entry >> 63:
            continue
        translations = (entry >> 5 & ((1 << 44) - 1)) << 8
        for event, item in tables.entries(translations, 1 << (entry & 31) + 1):
            number, collection = item >> 16 & 0xFFFFFFFF, item & 0xFFFF
            if number:
                given += 1
                if given > _MOST:
                    raise CorruptState(f"its tables have more than {_MOST} LPIs, which no machine has")
                yield number, states.of(number, device, event, collection, vcpus.get(collection))


class _States:
    """Enabled, priority and pending of LPIs, from the tables that the redistributors name."""

    def __init__(self, memory: Physical, gic: Gic) -> None:
        self._memory = memory
        frames = list(gic.redistributors.values())
        self._properties = frames[0]["GICR_PROPBASER"] & ((1 << 52) - (1 << 12)) if frames else 0
        self._many = 1 << (frames[0]["GICR_PROPBASER"] & 31) + 1 if frames else 0
        pending = [frame["GICR_PENDBASER"] & ((1 << 52) - (1 << 16)) for frame in frames]
        # the values of vCPU 1 and up may be copies of vCPU 0's: a table has one owner, and that is vCPU 0
        self._pending = {n: address for n, address in enumerate(pending) if not n or address != pending[0]}

    def of(self, number: int, device: int, event: int, collection: int, vcpu: int | None) -> Lpi:
        if not _FIRST <= number < self._many:
            return Lpi(device, event, collection, vcpu, enabled=False, pending=None, priority=0)
        properties = self._memory.read(self._properties + number - _FIRST, 1)[0]
        table = self._pending.get(vcpu) if vcpu is not None else None
        pending: bool | None = None
        if table:
            try:
                pending = bool(self._memory.read(table + number // 8, 1)[0] >> number % 8 & 1)
            except AddressError:
                pending = None
        return Lpi(device, event, collection, vcpu, enabled=bool(properties & 1), pending=pending, priority=properties & 0xFC)
