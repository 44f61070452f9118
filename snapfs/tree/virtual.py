"""`memory/virtual/<vcpu>/`: guest memory as a vCPU sees it, and how its page tables come to that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, Translation, VirtualWindow, letters, pti
from snapfs.snapshot import Snapshot
from snapfs.snapshot.memory import GuestMemory
from snapfs.snapshot.vcpu import Vcpu
from snapfs.tree.nodes import Dir, ImageFile, Node, StreamFile, TextFile

__all__ = ["address_of", "page_size", "virtual", "window_of"]

_NUMBER: Final = "0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}"
_WINDOW: Final = re.compile(rf"({_NUMBER})(?:\+({_NUMBER}))?")
_PAGE: Final = 4096
#: lines of one map or one reverse look-up: seconds, whatever the tables are
_LINES: Final = 1 << 18
_BATCH: Final = 1024
# signs of life without a line behind which a reverse look-up shows one itself: a reader is to be answered every second
_QUIET: Final = 4

T = TypeVar("T")


def window_of(name: str) -> tuple[int, int] | None:
    """Address and length that a window's name asks for: `0x1000`, `4096+64`; None when it is no such name."""
    match = _WINDOW.fullmatch(name)
    if not match:
        return None
    address, length = (int(part, 16 if part[:2] in ("0x", "0X") else 10) if part else _PAGE for part in match.groups())
    if not 1 <= length <= 1 << 48 or address + length > 1 << 64:
        return None
    return address, length


def address_of(name: str) -> int | None:
    """The address that a name is; None when it is none."""
    window = window_of(name + "+1")
    return window[0] if window else None


def page_size(size: int) -> str:
    """A page size in a word: `4K`, `2M`, `1G`; a dash where there are no pages."""
    for unit, shift in (("T", 40), ("G", 30), ("M", 20), ("K", 10)):
        if size >> shift:
            return f"{size >> shift}{unit}"
    return "-"


def virtual(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `memory/virtual/`."""
    for number, vcpu in snap.vcpus.items():
        yield str(number), Dir(lambda v=vcpu: _vcpu(snap.memory, v))  # type: ignore[misc]


def _vcpu(memory: GuestMemory, vcpu: Vcpu) -> Iterator[tuple[str, Node]]:
    registers = vcpu.paging
    yield from _views(memory, paging.space(memory, registers))
    if registers is not None and (found := pti.other_half(memory, registers)):
        half, other = found
        yield f"pti-{half}", Dir(lambda: _views(memory, paging.space(memory, other)))


def _views(memory: GuestMemory, space: AddressSpace) -> Iterator[tuple[str, Node]]:
    yield "map.txt", StreamFile(lambda: _map(memory, space))
    yield "at", _on_lookup(window_of, lambda w: ImageFile(lambda: VirtualWindow(space, memory, *w), huge=True))
    yield "v2p", _on_lookup(address_of, lambda a: TextFile(lambda: _v2p(memory, space.translate(a), space)))
    yield "p2v", _on_lookup(address_of, lambda a: StreamFile(lambda: _p2v(space, a)))


def _on_lookup(parse: Callable[[str], T | None], make: Callable[[T], Node]) -> Dir:
    """A directory that lists empty and makes a node for every name that can be parsed."""

    def lookup(name: str) -> Node | None:
        asked = parse(name)
        return None if asked is None else make(asked)

    return Dir(lambda: (), lookup=lookup)


def _missing(memory: GuestMemory, address: int, length: int = 1) -> str:
    """What to say of physical addresses that the snapshot has no bytes for."""
    if memory.held(address, address + length):
        return ""
    gap = memory.gap_at(address)
    if gap is None or gap.end < address + length:
        return " partly RAM"
    return " not RAM" if gap.kind in ("not-ram", "unplugged") else f" {gap.kind}"


def _v2p(memory: GuestMemory, walk: Translation, space: AddressSpace) -> str:
    if walk.physical is not None:
        said = f"0x{walk.physical:016x} {page_size(walk.page)} {letters(walk.rights)}{_missing(memory, walk.physical)}"
    else:
        said = "not mapped: " + (f"{walk.steps[-1].level.name}: {walk.reason}" if walk.steps else walk.reason)
    lines = [said]
    if space.identity:
        lines.append(f"{space.mode}: virtual is physical")
    for step in walk.steps:
        value = walk.reason if step.entry is None else f"0x{step.entry:0{2 * step.width}x}"
        loop = f" (loop: also the table of the {step.repeats})" if step.repeats else ""
        lines.append(f"{step.level.name} {step.slot} at 0x{step.table + step.slot * step.width:016x}: {value}{loop}")
    return "\n".join(lines) + "\n"


def _map(memory: GuestMemory, space: AddressSpace) -> Iterator[bytes]:
    said = f"{space.mode}: virtual is physical" if space.identity else space.mode
    yield f"# {said}\n# start              end (exclusive)    physical           page rights\n".encode()
    if space.identity:
        for r in memory.by_address:
            yield f"0x{r.start:016x} 0x{r.end:016x} 0x{r.start:016x} -    rwxu-\n".encode()
        return
    lines: list[str] = []
    count = 0
    runs = space.mappings()
    for run in runs:
        if run is None:
            # much was looked at without the end of a run: what there is goes out, a dash at least
            yield "".join(lines).encode() or b"#\n"
            lines.clear()
            continue
        missing = _missing(memory, run.physical, run.end - run.start)
        lines.append(f"0x{run.start:016x} 0x{run.end:016x} 0x{run.physical:016x} {page_size(run.page):<4} {letters(run.rights)}{missing}\n")
        count += 1
        if count >= _LINES:
            lines.append(f"# stopped: more than {_LINES} runs; ask v2p for single addresses\n")
            break
        if len(lines) >= _BATCH:
            yield "".join(lines).encode()
            lines.clear()
    if runs.stopped:
        lines.append(f"# {runs.stopped}\n")
    if runs.missing:
        lines.append(f"# {runs.missing} tables lie outside RAM or cannot be read; what they map is not known\n")
    if lines:
        yield "".join(lines).encode()


def _p2v(space: AddressSpace, physical: int) -> Iterator[bytes]:
    """One address per line. An empty line says that much was looked at and nothing found: nobody who reads words sees it, and whoever
    waits for an answer cannot be killed."""
    count = quiet = 0
    lines: list[str] = []
    runs = space.mappings(physical=physical)
    for run in runs:
        if run is None or len(lines) >= _BATCH:
            quiet = 0 if lines else quiet + 1
            if quiet == _QUIET:
                lines.append("\n")
                quiet = 0
            yield "".join(lines).encode()
            lines.clear()
        if run is not None:
            lines.append(f"0x{run.start:016x}\n")
            count += 1
            if count >= _LINES:
                lines.append(f"# stopped: more than {_LINES} virtual addresses; there may be more\n")
                break
    if runs.stopped:
        lines.append(f"# {runs.stopped}; there may be more\n")
    yield "".join(lines).encode()
