"""Disks. Source: Cloud Hypervisor, virtio-devices/src/block.rs (`BlockState`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from snapfs.errors import CorruptState, SnapfsError
from snapfs.layout import DEC, facet
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Block"]


class Block(VirtioDevice):
    """A disk that the VMM serves itself."""

    KIND = "block"
    PLACES = ("disks",)
    STEMS = ("disk",)
    TYPE = 2

    @facet(needs="disk_nsectors")
    def capacity(self) -> Annotated[int, DEC]:
        """Bytes on the disk."""
        sectors = self.source["disk_nsectors"]
        if isinstance(sectors, bool) or not isinstance(sectors, int):
            raise CorruptState(f"{self.id}/disk_nsectors: {repr(sectors)[:60]} where a number is expected")
        return sectors * 512

    def _facts(self) -> Iterator[str]:
        try:
            yield f"disk     {self.capacity} bytes"
        except (SnapfsError, KeyError):
            return
