"""Persistent memory: a host file in guest-physical memory. Its content is not in the snapshot.

Source: Cloud Hypervisor, virtio-devices/src/pmem.rs (`PmemState`).
"""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.errors import SnapfsError
from snapfs.layout import facet
from snapfs.layout.facets import Text
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Pmem"]


class Pmem(VirtioDevice):
    """A virtio-pmem device."""

    KIND = "pmem"
    PLACES = ("pmem",)
    STEMS = ("pmem",)
    TYPE = 27

    @facet("mapping.txt", when=lambda self: "config" in self.source)
    def mapping(self) -> Text:
        """Where the file is mapped, and which file of the host it is."""
        start, size = self.config_number("start"), self.config_number("size")
        file = self.parts.entry.get("file") if self.parts.entry else None
        line = f"0x{start:016x} 0x{start + size:016x} {size:<12} {file or '-'}"
        return Text(f"# start              end (exclusive)    bytes        file of the host (not in the snapshot)\n{line}\n")

    def _facts(self) -> Iterator[str]:
        try:
            yield "mapping  " + " ".join(self.mapping.splitlines()[1].split())
        except SnapfsError:
            return
