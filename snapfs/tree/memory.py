"""`memory/`: guest memory by physical address, by range and by zone, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from snapfs.blob import Gap
from snapfs.snapshot import Snapshot
from snapfs.snapshot.memory import GuestMemory, Range
from snapfs.tree import names
from snapfs.tree.census import pages
from snapfs.tree.nodes import Dir, ImageFile, Node, TextFile, json_text
from snapfs.tree.virtual import virtual, window_of

__all__ = ["memory"]


def memory(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `memory/`."""
    mem = snap.memory
    # these tell of files that were cut while in use, too
    yield "map.txt", TextFile(lambda: _map(mem), live=True)
    yield "map.json", TextFile(lambda: json_text(_map_json(mem)), live=True)
    yield "gaps.txt", TextFile(lambda: _gaps(mem), live=True)
    yield "physical", ImageFile(lambda: mem.physical, huge=True)
    yield "ranges", Dir(lambda: _ranges(mem, mem.ranges))
    yield "zones", Dir(lambda: _zones(mem))
    yield "pages.txt", pages(mem)
    yield "at", Dir(lambda: (), lookup=lambda name: _window(mem, name))
    yield "virtual", Dir(lambda: virtual(snap))


def _ranges(mem: GuestMemory, ranges: tuple[Range, ...]) -> Iterator[tuple[str, Node]]:
    for r in sorted(ranges, key=lambda r: r.start):
        yield r.name, ImageFile(lambda r=r: mem.content(r), huge=True)  # type: ignore[misc]


def _zones(mem: GuestMemory) -> Iterator[tuple[str, Node]]:
    """The zones. One that was left out of the snapshot has its ranges all the same: they have their sizes, and reading says why not."""
    own: dict[str, list[tuple[str, Node]]] = {}
    for r in mem.by_address:
        own.setdefault(r.zone, []).append((r.name, ImageFile(lambda r=r: mem.content(r), huge=True)))  # type: ignore[misc]
    for gap in mem.gaps:
        if gap.kind == "left-out":
            absent = Gap(gap.end - gap.start, f"{gap.name}: {gap.kind}: {gap.reason}")
            own.setdefault(gap.zone, []).append((gap.name, ImageFile(lambda a=absent: a, huge=True)))  # type: ignore[misc]
    for zone in sorted(own, key=names.natural):
        yield names.escape(zone), Dir(lambda z=zone: sorted(own[z], key=lambda entry: entry[0]))  # type: ignore[misc]


def _window(mem: GuestMemory, name: str) -> Node | None:
    window = window_of(name)
    return ImageFile(lambda: mem.window(*window), huge=True) if window else None


def _map(mem: GuestMemory) -> str:
    lines = ["# start              end (exclusive)    length       file offset  slot zone kind file"]
    for r in sorted(mem.ranges, key=lambda r: r.start):
        slot = "-" if r.slot is None else r.slot
        zone = names.escape(r.zone).replace(" ", "%20")
        lines.append(f"0x{r.start:016x} 0x{r.end:016x} {r.length:<12} {r.offset:<12} {slot:<4} {zone} {r.kind} {r.file}")
        if missing := mem.missing(r):
            lines.append(f"# ERROR 0x{r.end - missing:016x} 0x{r.end:016x} not there: the last {missing} bytes of the range above")
    lines += [f"# ERROR {remark}" for remark in mem.remarks()]
    return "\n".join(lines) + "\n"


def _map_json(mem: GuestMemory) -> list[dict[str, Any]]:
    return [
        {
            "start": f"0x{r.start:016x}",
            "end": f"0x{r.end:016x}",
            "length": r.length,
            "file": r.file,
            "file_offset": r.offset,
            "missing": mem.missing(r),
            "zone": r.zone,
            "slot": r.slot,
            "kind": r.kind,
        }
        for r in sorted(mem.ranges, key=lambda r: r.start)
    ]


def _gaps(mem: GuestMemory) -> str:
    lines = ["# start              end (exclusive)    kind      why"]
    lines += [f"0x{g.start:016x} 0x{g.end:016x} {g.kind:<9} {g.reason}" for g in sorted((*mem.gaps, *mem.cut_since()))]
    lines += [f"# ERROR {overlap}" for overlap in mem.overlaps[:100]]
    return "\n".join(lines) + "\n"
