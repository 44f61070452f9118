"""Guest memory: which ranges exist, where each is in which file, and what is missing.

The order of the memory table is the order of the file: offsets are sums of the lengths before an entry, never a sort by
address. RAM that the mappings name and the table does not was left out by the VMM (its content is in a file of the host) or is
an unplugged part of a virtio-mem region.
Sources: Cloud Hypervisor, vmm/src/memory_manager.rs (`MemoryManagerSnapshotData`, `memory_range_table`), vm-migration/src/protocol.rs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from snapfs.blob import Blob, Concat, File, FileSlice, Gap, Zeros, concat
from snapfs.errors import AddressError, CannotOpen, CorruptState
from snapfs.snapshot.accounting import Overlap, Range, lay_out, missing_now, shrunken, surplus
from snapfs.snapshot.model import ByteCount, Count, GuestAddr, Many, Model
from snapfs.snapshot.source import Source

__all__ = ["GuestMemory", "MemoryGap", "MemoryManagerState", "Range", "assumed_state", "read_state"]

# the largest offset that a file can have
_END: Final = 1 << 63
# more ranges than any machine has; a table of the snapshot is bounded before it is walked
_MANY: Final = 1 << 20
_PROBLEMS: Final = 100


class MemoryRange(Model):
    """A row of the memory table."""

    gpa: GuestAddr
    length: ByteCount


class MemoryRangeTable(Model):
    """The memory table, in the order of the file."""

    data: Many[MemoryRange] = ()


class MemoryRegion(Model):
    """A row of the table of v0.7 to v18; region n is in the file `memory-region-<n>` unless its content is null."""

    start_addr: GuestAddr
    size: ByteCount


class RamMapping(Model):
    """A slot of guest RAM, saved or not."""

    slot: Count
    gpa: GuestAddr
    size: ByteCount
    zone_id: str = "mem0"
    virtio_mem: bool = False
    file_offset: ByteCount = 0


class MemoryManagerState(Model):
    """The state of the memory manager; what is not needed to find memory stays among the unknown keys."""

    memory_ranges: MemoryRangeTable | None = None
    guest_ram_mappings: Many[RamMapping] = ()
    memory_regions: Many[MemoryRegion] | None = None
    start_of_device_area: GuestAddr | None = None
    boot_ram: ByteCount | None = None
    current_ram: ByteCount | None = None


GapKind = Literal["not-ram", "unplugged", "left-out", "truncated"]


class MemoryGap(NamedTuple):
    """Addresses that the snapshot holds no bytes for, end exclusive."""

    start: int
    end: int
    kind: GapKind
    reason: str
    zone: str = ""

    @property
    def name(self) -> str:
        """`<start>-<end>`, as a range's."""
        return f"0x{self.start:016x}-0x{self.end:016x}"


class _Piece(NamedTuple):
    start: int
    end: int
    loose: Blob
    strict: Blob


class GuestMemory:
    """The memory of one snapshot. `problems` has one sentence for each thing that is wrong with it."""

    def __init__(self, source: Source, state: MemoryManagerState, zones: Mapping[str, str] | None = None) -> None:
        """`zones` maps the ids of file-backed zones to their host paths."""
        self._source = source
        self._zones = zones or {}
        self.state = state
        self.problems: list[str] = []
        self._lengths: dict[str, int] = {}
        self.ranges = tuple(self._saved())

    # ---- which ranges were saved, in the order of the file

    def _saved(self) -> Iterator[Range]:
        state = self.state
        if state.memory_ranges is not None and self._by_slot():
            yield from self._slots()
        elif state.memory_ranges is not None:
            yield from self._table(state.memory_ranges.data)
        elif state.memory_regions is not None:
            yield from self._regions(state.memory_regions)
        elif self._by_slot():
            yield from self._slots()

    def _by_slot(self) -> bool:
        names = self._source.memory_names
        return bool(names) and all(n.startswith("memory-") and n[7:].isdecimal() for n in names)

    def _table(self, rows: tuple[MemoryRange, ...]) -> Iterator[Range]:
        offset = 0
        for row in rows:
            if row.length:
                yield from self._place(row.gpa, row.length, "memory-ranges", offset)
            offset += row.length

    def _regions(self, regions: tuple[MemoryRegion, ...]) -> Iterator[Range]:
        for n, region in enumerate(regions):
            # the key that names the file was renamed: backing_file up to v0.10, content since v0.11
            extra = region.model_extra or {}
            name = extra.get("content", extra.get("backing_file", f"memory-region-{n}"))
            if name is not None and region.size:
                yield from self._place(region.start_addr, region.size, f"memory-region-{n}", 0)

    def _slots(self) -> Iterator[Range]:
        for mapping in self.state.guest_ram_mappings:
            name = f"memory-{mapping.slot}"
            if name in self._source or not self._zones.get(mapping.zone_id):
                yield from self._place(mapping.gpa, mapping.size, name, mapping.file_offset)

    def _place(self, start: int, length: int, file: str, offset: int) -> Iterator[Range]:
        if start + length > _END or offset + length > _END:
            self._problem(f"memory table: a range of {length} bytes at 0x{start:x} reaches beyond what a file can hold; it is left out")
            return
        mapping = self._mapping_at(start)
        missing = max(0, min(length, offset + length - self._length(file)))
        yield Range(
            start,
            length,
            file,
            offset,
            mapping.zone_id if mapping else "mem0",
            mapping.slot if mapping else None,
            "virtio-mem" if mapping and mapping.virtio_mem else "ram",
            missing,
        )

    def _problem(self, text: str) -> None:
        """Notes a problem; a table of nothing but problems does not fill memory with them."""
        if len(self.problems) < _PROBLEMS:
            self.problems.append(text)

    @cached_property
    def _slots_by_address(self) -> tuple[list[int], list[RamMapping]]:
        found = sorted((m for m in self.state.guest_ram_mappings if m.size), key=lambda m: m.gpa)
        return [m.gpa for m in found], found

    def _mapping_at(self, address: int) -> RamMapping | None:
        """The slot of RAM that an address lies in."""
        starts, slots = self._slots_by_address
        index = bisect_right(starts, address) - 1
        return slots[index] if index >= 0 and address < slots[index].gpa + slots[index].size else None

    def _length(self, file: str) -> int:
        """The size of a memory file; 0 with a problem noted when it cannot be opened."""
        if file not in self._lengths:
            try:
                self._lengths[file] = self._source.open(file).size
            except CannotOpen as error:
                if file in self._source.names:
                    self._problem(str(error))
                elif not self._source.packed(file):
                    self._problem(f"{self._source.path}/{file}: not there; the memory that it should hold cannot be read")
                self._lengths[file] = 0
        return self._lengths[file]

    # ---- the physical address space

    @cached_property
    def by_address(self) -> tuple[Range, ...]:
        """The saved ranges in the order of addresses. Of one that overlaps another only the rest is here, with a problem."""
        return self._laid_out[0]

    @property
    def overlaps(self) -> list[Overlap]:
        """The ranges of the table that claim the same addresses."""
        return self._laid_out[1]

    @cached_property
    def _laid_out(self) -> tuple[tuple[Range, ...], list[Overlap]]:
        parts, overlaps = lay_out(self.ranges)
        for overlap in overlaps[:_PROBLEMS]:
            self._problem(str(overlap))
        return parts, overlaps

    def remarks(self) -> Iterator[str]:
        """What is to be said of the table as a whole, as of now: its problems, files that were cut, files that are longer than it."""
        _ = self.by_address  # finds the overlaps
        yield from self.problems
        if len(self.overlaps) > _PROBLEMS:
            yield f"memory table: {len(self.overlaps) - _PROBLEMS} more ranges overlap others"
        for name, (now, before) in shrunken(self._source).items():
            yield f"{name}: {now} bytes long now, {before} when it was opened; it was cut while in use, restore it and mount again"
        yield from surplus(self._source, self.ranges)

    def missing(self, r: Range) -> int:
        """How many bytes at the end of a range its file does not have, now."""
        return missing_now(r, shrunken(self._source).get(r.file, (None,))[0])

    def cut_since(self) -> Iterator[MemoryGap]:
        """What was there when the memory files were opened, and is not any more."""
        for name, (now, before) in shrunken(self._source).items():
            for r in self.by_address:
                lost = missing_now(r, now)
                if r.file == name and lost > r.missing:
                    why = f"{name}: {now} bytes long now, {before} when it was opened; it was cut while in use"
                    yield MemoryGap(r.end - lost, r.end - r.missing, "truncated", why, r.zone)

    def file(self, r: Range) -> File:
        """The file that a range is in."""
        return self._source.open(r.file)

    def content(self, r: Range) -> Blob:
        """The bytes of a range; what is beyond the end of the file is a gap."""
        there = r.length - r.missing
        parts: list[Blob] = []
        if there:
            parts.append(FileSlice(self._source.open(r.file), r.offset, there))
        if r.missing:
            parts.append(Gap(r.missing, self._cut(r)))
        return concat(*parts)

    def _cut(self, r: Range) -> str:
        if r.file not in self._source:
            packed = self._source.packed(r.file)
            hint = f"; {packed} is beside it: unpack it there, snapfs reads plain files" if packed else ""
            return f"{r.file}: not in the snapshot's directory; {r.missing} bytes of range {r.name} are missing{hint}"
        have = self._lengths.get(r.file, 0)
        need = r.offset + r.length
        return f"{r.file}: {have} bytes long, and the memory table needs {need}; {r.missing} bytes of range {r.name} are missing"

    @cached_property
    def gaps(self) -> tuple[MemoryGap, ...]:
        """Every address range below the end of memory that the snapshot holds no bytes for, in order."""
        found: list[MemoryGap] = []
        at = 0
        for r in self.by_address:
            found.extend(self._between(at, r.start))
            if r.missing:
                found.append(MemoryGap(r.end - r.missing, r.end, "truncated", self._cut(r)))
            at = r.end
        found.extend(self._between(at, max((m.end for m in self._mappings), default=at)))
        return tuple(found)

    def gap_at(self, address: int) -> MemoryGap | None:
        """The gap that an address lies in; None where the snapshot has the byte."""
        index = bisect_right(self._gap_starts, address) - 1
        if index >= 0 and address < self.gaps[index].end:
            return self.gaps[index]
        if address >= self.physical.size:
            return MemoryGap(self.physical.size, 1 << 64, "not-ram", "no RAM at these addresses")
        return None

    def held(self, start: int, end: int) -> bool:
        """Whether the snapshot has every byte of a stretch."""
        return (
            self.gap_at(start) is None
            and end <= self.physical.size
            and bisect_left(self._gap_starts, end) == bisect_left(self._gap_starts, start)
        )

    @cached_property
    def _gap_starts(self) -> list[int]:
        return [gap.start for gap in self.gaps]

    @cached_property
    def _mappings(self) -> tuple[_Ram, ...]:
        """All RAM that the machine has, saved or not, in the order of addresses; where two overlap the first counts."""
        named = [_Ram(m.gpa, m.gpa + m.size, m.zone_id, m.virtio_mem) for m in self.state.guest_ram_mappings]
        named += [_Ram(r.start_addr, r.start_addr + r.size, "mem0", virtio_mem=False) for r in self.state.memory_regions or ()]
        found: list[_Ram] = []
        for ram in sorted(m for m in named if m.end <= _END):
            start = max(ram.start, found[-1].end if found else 0)
            if start < ram.end:
                found.append(ram._replace(start=start))
        return tuple(found)

    def _between(self, start: int, end: int) -> Iterator[MemoryGap]:
        """The gaps of a stretch without saved memory."""
        at = start
        index = max(0, bisect_right(self._mappings, start, key=lambda m: m.start) - 1)
        while index < len(self._mappings) and self._mappings[index].start < end:
            ram = self._mappings[index]
            index += 1
            low, high = max(at, ram.start), min(end, ram.end)
            if low >= high:
                continue
            if low > at:
                yield MemoryGap(at, low, "not-ram", "no RAM at these addresses")
            if ram.virtio_mem:
                yield MemoryGap(low, high, "unplugged", f"virtio-mem region {_shown(ram.zone)}: not plugged", ram.zone)
            else:
                path = self._zones.get(ram.zone)
                where = f"in {_shown(path)} on the host" if path else "in shared memory of the host"
                reason = f"zone {_shown(ram.zone)}: not in the snapshot, its content is {where}"
                yield MemoryGap(low, high, "left-out", reason, ram.zone)
            at = high
        if at < end:
            yield MemoryGap(at, end, "not-ram", "no RAM at these addresses")

    @cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        pieces = [_Piece(r.start, r.end, content, content) for r, content in ((r, self.content(r)) for r in self.by_address)]
        for gap in self.gaps:
            if gap.kind == "truncated":
                continue
            size = gap.end - gap.start
            absent = Gap(size, f"0x{gap.start:016x}-0x{gap.end:016x}: {gap.kind}: {gap.reason}")
            pieces.append(_Piece(gap.start, gap.end, absent if gap.kind == "left-out" else Zeros(size), absent))
        return tuple(sorted(pieces, key=lambda p: p.start))

    @cached_property
    def physical(self) -> Blob:
        """Offset is guest-physical address. What is not RAM, or not plugged, is a hole; what is missing is a gap."""
        return Concat(p.loose for p in self._pieces)

    @cached_property
    def _strict(self) -> Blob:
        return Concat(p.strict for p in self._pieces)

    def window(self, start: int, length: int) -> Blob:
        """A window of physical memory in which all that is not in the snapshot is a gap; it may reach beyond all memory."""
        from snapfs.blob import Window

        inside = Window(self._strict, start, length)
        if inside.size == length:
            return inside
        return concat(inside, Gap(length - inside.size, f"0x{start + inside.size:016x}: no RAM at this address"))

    def read(self, gpa: int, length: int) -> bytes:
        """`length` bytes at guest-physical address `gpa`; AddressError where any of them is not in the snapshot."""
        data = self.window(gpa, length).pread(0, length)
        if len(data) < length:
            self.window(gpa + len(data), 1).pread(0, 1)
            raise AddressError(f"0x{gpa + len(data):016x}: not in the snapshot")
        return data


def _shown(text: str) -> str:
    """A string of the configuration as it may stand in a line of text."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


class _Ram(NamedTuple):
    start: int
    end: int
    zone: str
    virtio_mem: bool


def assumed_state(source: Source, size: int, arch: str) -> MemoryManagerState | None:
    """The memory table of a machine whose own is lost, where there is only one way that it can have been: RAM in one zone, of
    `size` bytes as the configuration says and as the memory file is long, at the addresses where the VMM puts it.
    Source: Cloud Hypervisor, arch/src/x86_64/mod.rs and arch/src/aarch64/mod.rs (`arch_memory_regions`)."""
    low = {"x86_64": (0, 0xC000_0000, 0x1_0000_0000), "aarch64": (0x4000_0000, 0xBC00_0000, 0x1_0000_0000)}.get(arch)
    if low is None or "memory-ranges" not in source or source.open("memory-ranges").size != size:
        return None
    start, room, above = low
    rows = [MemoryRange(gpa=start, length=min(size, room))]
    if size > room:
        rows.append(MemoryRange(gpa=above, length=size - room))
    return MemoryManagerState(memory_ranges=MemoryRangeTable(data=tuple(rows)))


def read_state(data: Any, where: str) -> MemoryManagerState:
    """The memory manager's state out of its plain JSON value."""
    if not isinstance(data, dict):
        raise CorruptState(f"{where}: no memory table; only raw/ shows the memory file")
    rows: Iterable[Any] = (data.get("memory_ranges") or {}).get("data", ()) if isinstance(data.get("memory_ranges"), dict) else ()
    if isinstance(rows, list) and len(rows) > _MANY:
        raise CorruptState(f"{where}: {len(rows)} ranges, more than the {_MANY} that snapfs reads")
    return MemoryManagerState.read(data, where)
