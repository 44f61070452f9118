"""ELF cores of a snapshot: `vmcore` for kernel debuggers, and one per vCPU that has what its page tables map.

`vmcore` has the notes of all vCPUs, a segment per range of RAM, and for a Linux guest its VMCOREINFO, virtual addresses in the
direct map and a segment for the kernel's image, which comes first: volatility looks segments up by physical address in
the order of the file and must find the ranges behind it. A vCPU's own core is for gdb, which knows virtual addresses only.
Nothing is copied: the segments lie in the memory file. Nothing is looked for until the head of a core is read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from snapfs.blob import Blob, Concat, Deferred
from snapfs.errors import SnapfsError, Unfinished
from snapfs.formats.elf_core import note
from snapfs.guest import linux, paging
from snapfs.guest.paging import AddressSpace, pti
from snapfs.guest.vmcoreinfo import LONGEST
from snapfs.images import elf, notes
from snapfs.images.elf import Load
from snapfs.images.ram import Packed
from snapfs.snapshot.memory import GuestMemory
from snapfs.snapshot.vcpu import Vcpu

__all__ = ["Cores"]

log = logging.getLogger(__name__)

# segments of a vCPU's core: its head is made in one request
_SEGMENTS: Final = 1 << 18
# page-table entries that are looked at for each half of a core
_LOOKED_AT: Final = 1 << 22
# seconds that one request may look for the kernel, and the most that one step of it counts
_PATIENCE: Final = 10.0
_STEP: Final = 0.25
_VMCOREINFO: Final = 12 + 12 + LONGEST
_HALF: Final = 1 << 63
_END: Final = 1 << 64


class Cores:
    """The cores of one snapshot. What is found in guest memory is found once."""

    def __init__(self, memory: GuestMemory, vcpus: Mapping[int, Vcpu]) -> None:
        self.memory = memory
        self.vcpus = vcpus
        self._looked = False
        self._linux: linux.Linux | None = None
        #: what looking for the kernel has cost, in pieces of RAM
        self.spent = 0
        self._search: Generator[int, None, linux.Linux | None] | None = None
        self._lock = threading.Lock()

    @cached_property
    def packed(self) -> Packed:
        """Guest RAM as all cores have it: in whole pages, since some readers refuse segments that are not. Behind a cut the pieces of a
        page are in `memory/` and in the LiME image only."""
        return Packed(self.memory, elf.PAGE)

    @property
    def linux(self) -> linux.Linux | None:
        """The guest's kernel; None when it is not Linux, or not far enough to be recognised. Unfinished when looking for it takes
        long: whoever waits for the answer of a mount cannot be killed."""
        spent, since = 0.0, time.monotonic()
        for _ in self.look():
            # a step is short: what is longer is a machine that was asleep, or too busy
            now = time.monotonic()
            spent, since = spent + min(now - since, _STEP), now
            if spent > _PATIENCE:
                raise Unfinished(
                    "guest memory is still being looked through for a kernel; read it again, it goes on where it was, or read "
                    "dump/HOWTO first, which does the same and can be interrupted"
                )
        return self._linux

    def look(self) -> Iterator[None]:
        """Looks for the kernel, piece by piece of RAM, unless that has been done. Several who look at once share the work."""
        while not self._looked:
            with self._lock:
                self._step()
            yield

    def _step(self) -> None:
        if self._looked:
            return
        if self._search is None:
            self._search = linux.search(self.memory, self.vcpus.values())
            self.spent = 0
        try:
            self.spent += next(self._search)
        except StopIteration as end:
            self._linux = end.value
            self._looked = True
            self._search = None
        except BaseException:
            self._search = None
            raise

    @cached_property
    def arch(self) -> str:
        """The architecture of the vCPUs."""
        return next((vcpu.arch for vcpu in self.vcpus.values() if vcpu.arch in elf.MACHINES), "unknown")

    def _file(self, head: Blob) -> Blob:
        return Concat((head, *(part.content for part in self.packed.parts)))

    # ---- all vCPUs, physical memory

    @property
    def vmcore(self) -> Blob:
        """The core for kernel debuggers."""
        size = elf.area(len(self.packed.parts) + 1, len(self.vcpus) * notes.room(self.arch) + _VMCOREINFO)
        return self._file(Deferred(size, lambda: self._vmcore_head(size)))

    def _vmcore_head(self, area: int) -> bytes:
        kernel = self.linux
        loads = [Load(self._direct(part.start), part.start, part.size, area + part.offset) for part in self.packed.parts]
        if kernel is not None and kernel.image is not None:
            image = kernel.image
            # no byte more than is mapped: behind the image of an aarch64 kernel something else may be mapped at once
            first = next(self.packed.cut(image.physical, image.length), None)
            if first is not None:
                physical, size, offset = first
                loads.insert(0, Load(image.virtual + physical - image.physical, physical, size, area + offset))
        said = b"".join(self._notes())
        if kernel is not None:
            said += note(b"VMCOREINFO", 0, kernel.info.contents)
        return elf.head(self.arch, loads, said)

    def _direct(self, physical: int) -> int:
        kernel = self.linux
        return physical + kernel.direct & (1 << 64) - 1 if kernel is not None and kernel.direct is not None else 0

    def _notes(self) -> Iterator[bytes]:
        """The notes of all vCPUs: first everybody's NT_PRSTATUS, then QEMU's. A vCPU whose registers are damaged has none."""
        found = []
        for vcpu in self.vcpus.values():
            try:
                found.append(notes.notes_of(vcpu))
            except SnapfsError:
                continue
        yield from (status for status, _ in found)
        yield from (state for _, state in found)

    # ---- one vCPU, virtual memory

    def gdb(self, number: int) -> Blob:
        """The core with everything that the page tables of a vCPU map."""
        room = self.segments
        size = elf.area(room, notes.room(self.arch))
        return self._file(Deferred(size, lambda: self._gdb_head(number, size, room)))

    @property
    def segments(self) -> int:
        """The most segments that a vCPU's core has: about as many as RAM has pages."""
        return min(_SEGMENTS, 4096 + self.packed.size // elf.PAGE)

    def _gdb_head(self, number: int, area: int, room: int) -> bytes:
        vcpu = self.vcpus[number]
        space = self._space(vcpu)
        # the kernel's half comes first, so that no program can have enough mappings to push the kernel out
        upper = self._joined(self._mapped(space, area, _HALF, _END), room)
        lower = self._joined(self._mapped(space, area, 0, _HALF), room - len(upper))
        said = notes.notes_of(vcpu)[0] + notes.floating_point(vcpu) + notes.signed_addresses(vcpu)
        return elf.head(vcpu.arch if vcpu.arch in elf.MACHINES else self.arch, lower + upper, said)

    @staticmethod
    def _joined(mapped: Iterable[Load], room: int) -> list[Load]:
        """Neighbours as one segment, as many as there is room for."""
        loads: list[Load] = []
        for load in mapped:
            last = loads[-1] if loads else None
            if last and last.virtual + last.size == load.virtual and last.offset + last.size == load.offset:
                loads[-1] = last._replace(size=last.size + load.size, flags=last.flags | load.flags)
            elif len(loads) < room:
                loads.append(load)
            else:
                log.warning("dump/gdb-*.core: more mappings than there is room for; memory/virtual/<vcpu>/map.txt has the others")
                break
        return loads

    def _space(self, vcpu: Vcpu) -> AddressSpace:
        """The address space of a vCPU; of a pair of page tables the kernel's, which maps the program as well."""
        registers = vcpu.paging
        if registers is not None and (found := pti.other_half(self.memory, registers)) and found[0] == "kernel":
            registers = found[1]
        return paging.space(self.memory, registers)

    def _mapped(self, space: AddressSpace, area: int, low: int, high: int) -> Iterator[Load]:
        """What is mapped from `low` to `high` and in the snapshot, in the order of virtual addresses."""
        if space.identity or not space.trees:
            parts = self.packed.parts if low == 0 else ()
            yield from (Load(part.start, part.start, part.size, area + part.offset) for part in parts)
            return
        runs = space.mappings(low, high, budget=_LOOKED_AT)
        for run in runs:
            if run is None:
                continue
            flags = elf.flags(run.rights)
            for physical, length, offset in self.packed.cut(run.physical, run.end - run.start):
                yield Load(run.start + physical - run.physical, physical, length, area + offset, flags)
        if runs.stopped:
            log.warning("dump/gdb-*.core: mappings from 0x%x on: %s; the core has those before", low, runs.stopped)
