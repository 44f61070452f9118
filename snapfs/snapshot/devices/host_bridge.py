"""The host bridge at device 0 of every PCI segment.

It is no device of the state file: every release makes the same one. Source: Cloud Hypervisor, pci/src/bus.rs (`PciRoot`), the
same from v0.7 on; guests see it as 8086:0d57.
"""

from __future__ import annotations

from typing import Final

from snapfs.layout import facet
from snapfs.snapshot.devices.device import Device
from snapfs.snapshot.devices.pci import PciFunction

__all__ = ["HostBridge"]

_REGISTERS: Final = (0x0D57_8086, 0, 0x0600_0000, *(0,) * 1021)


class HostBridge(Device):
    """A PCI function of the VMM itself."""

    KIND = "host-bridge"

    @property
    def note(self) -> str:
        return "not saved: Cloud Hypervisor gives every PCI segment this function, always the same"

    @property
    def bdf(self) -> str:
        return self.id.removeprefix("pci-")

    @facet()
    def pci(self) -> PciFunction:
        """The PCI function."""
        return PciFunction(self.bdf, None, registers=_REGISTERS)
