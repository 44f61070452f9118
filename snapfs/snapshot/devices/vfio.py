"""Devices of the host that were handed through: VFIO, and vfio-user. Their inner state is not in the snapshot.

Up to v24 nothing of them was saved but their place in the device tree. Source: Cloud Hypervisor, pci/src/vfio.rs
(`VfioCommonState`), vfio_user.rs; from v53 an opaque blob for devices that can migrate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from snapfs.layout import Hex, facet
from snapfs.layout.formed import Formed
from snapfs.snapshot.devices.device import Device

__all__ = ["Vfio", "VfioUser"]

_MSI = {
    "msg_ctl": Hex(16),
    "msg_addr_lo": Hex(32),
    "msg_addr_hi": Hex(32),
    "msg_data": Hex(16),
    "mask_bits": Hex(32),
    "pending_bits": Hex(32),
}
_COMMON = {
    "msi_state": {"cap": _MSI, "cap_offset": Hex(32)},
    "msix_state": {"cap": {"msg_ctl": Hex(16), "table": Hex(32), "pba": Hex(32)}, "cap_offset": Hex(32), "bdf": Hex(32)},
}


class Vfio(Device):
    """A PCI device of the host."""

    KIND = "vfio"
    PLACES = ("devices",)
    STEMS = ("vfio",)

    @property
    def note(self) -> str:
        return "a device of the host: its inner state and its memory are not in the snapshot"

    @facet(when=lambda self: self._child("vfio_common"))
    def common(self) -> Any:
        """Interrupts, as the VMM has set them up on the host."""
        data = self.parts.component.children["vfio_common"].data if self.parts.component else None
        return Formed(data, _COMMON) if isinstance(data, dict) else data

    @facet(when=lambda self: self.parts.below("msi_config") is not None)
    def msi(self) -> Any:
        """Message-signalled interrupts."""
        component = self.parts.below("msi_config")
        data = component.data if component else None
        return Formed(data, {"cap": _MSI}) if isinstance(data, dict) else data

    def _child(self, name: str) -> bool:
        return self.parts.component is not None and name in self.parts.component.children

    def glance(self) -> Iterator[str]:
        yield from super().glance()
        if self.parts.component and self.parts.component.find("vfio_common", "vfio_migration"):
            yield "state    opaque, in state/ as the device gave it"


class VfioUser(Vfio):
    """A PCI device that another process of the host emulates."""

    KIND = "vfio-user"
    PLACES = ("user_devices",)
    STEMS = ("vfio_user",)

    @property
    def note(self) -> str:
        return "a device that another process of the host emulates: its inner state is not in the snapshot"
