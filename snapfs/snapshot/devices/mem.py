"""Memory that is plugged block by block. Source: Cloud Hypervisor, virtio-devices/src/mem.rs (`MemState`, from v19)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from snapfs.errors import CorruptState, SnapfsError
from snapfs.layout import DEC, facet
from snapfs.layout.facets import Text
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Mem"]


class Mem(VirtioDevice):
    """A virtio-mem device; its id is that of its memory zone (up to v18 `_mem<n>`)."""

    KIND = "mem"
    PLACES = ("memory/zones", "memory")
    STEMS = ("mem",)
    TYPE = 24

    @facet(needs="blocks_state")
    def plugged(self) -> Annotated[int, DEC]:
        """Bytes that are plugged."""
        _, size, bitmap = self._blocks()
        return sum(bitmap) * size

    @facet("blocks.txt", needs="blocks_state")
    def ranges(self) -> Text:
        """The plugged blocks as ranges of guest-physical addresses, end exclusive."""
        return Text(
            "# start              end (exclusive)    bytes\n" + "".join(f"0x{a:016x} 0x{b:016x} {b - a}\n" for a, b in self._ranges())
        )

    def _blocks(self) -> tuple[int, int, list[bool]]:
        state: Any = self.source["blocks_state"]
        bitmap = state.get("bitmap") if isinstance(state, dict) else state
        start, size = self.config_number("addr"), self.config_number("block_size")
        if not isinstance(bitmap, list) or not all(isinstance(b, bool) for b in bitmap):
            raise CorruptState(f"{self.id}/blocks_state: no list of flags")
        return start, size, bitmap

    def _ranges(self) -> Iterator[tuple[int, int]]:
        start, size, bitmap = self._blocks()
        first: int | None = None
        for n, plugged in enumerate([*bitmap, False]):
            if plugged and first is None:
                first = n
            elif not plugged and first is not None:
                yield start + first * size, start + n * size
                first = None

    def _facts(self) -> Iterator[str]:
        try:
            yield f"memory   {self.plugged} bytes plugged"
        except (SnapfsError, KeyError):
            return
