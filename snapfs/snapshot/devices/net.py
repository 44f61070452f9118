"""Network interfaces. Source: Cloud Hypervisor, virtio-devices/src/net.rs (`NetState`)."""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.errors import CorruptState, SnapfsError
from snapfs.formats.virtio_config import MAC
from snapfs.layout import facet
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Net"]


class Net(VirtioDevice):
    """A network interface behind a tap device."""

    KIND = "net"
    PLACES = ("net",)
    STEMS = ("net",)
    TYPE = 1

    @facet()
    def mac(self) -> str:
        """The guest's MAC address, from the state, else from the configuration."""
        config = self.source.get("config")
        saved = config.get("mac") if isinstance(config, dict) else None
        if isinstance(saved, list) and len(saved) == 6 and all(isinstance(b, int) and 0 <= b < 256 for b in saved):
            return MAC.render(saved)
        entry = self.parts.entry.get("mac") if self.parts.entry else None
        if isinstance(entry, str):
            return entry
        raise CorruptState(f"{self.id}: neither the state nor the configuration has a MAC address")

    def _facts(self) -> Iterator[str]:
        try:
            yield f"mac      {self.mac}"
        except SnapfsError:
            return
