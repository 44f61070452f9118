"""The devices: one module per kind, or per few alike, that deserves names beyond its raw state.

`ALL` is in order of preference. What a device is: the kind of the configuration's list that names its id, then the kind that
generates such ids, then the kind of its virtio PCI device id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from snapfs.errors import SnapfsError
from snapfs.snapshot.devices.block import Block
from snapfs.snapshot.devices.console import Console
from snapfs.snapshot.devices.device import Device, VirtioDevice
from snapfs.snapshot.devices.host_bridge import HostBridge
from snapfs.snapshot.devices.iommu import Iommu
from snapfs.snapshot.devices.mem import Mem
from snapfs.snapshot.devices.net import Net
from snapfs.snapshot.devices.parts import Parts, gather
from snapfs.snapshot.devices.plain import AnyVirtio, Balloon, Rng, Rtc, Watchdog
from snapfs.snapshot.devices.platform import DebugConsole, Gic, Gpio, IoApic, Ivshmem, PvMemControl, PvPanic, SgxEpc, Tpm
from snapfs.snapshot.devices.pmem import Pmem
from snapfs.snapshot.devices.serial import Pl011, Serial
from snapfs.snapshot.devices.vfio import Vfio, VfioUser
from snapfs.snapshot.devices.vhost_user import Vdpa, VhostUser, VhostUserBlock, VhostUserFs, VhostUserNet
from snapfs.snapshot.devices.vsock import Vsock

if TYPE_CHECKING:
    from snapfs.snapshot.snapshot import Snapshot

__all__ = ["ALL", "Device", "VirtioDevice", "find"]

ALL: Final[tuple[type[Device], ...]] = (
    VhostUserBlock,
    VhostUserNet,
    VhostUserFs,
    VhostUser,
    Block,
    Net,
    Console,
    Rng,
    Balloon,
    Vsock,
    Watchdog,
    Iommu,
    Mem,
    Pmem,
    Rtc,
    Vdpa,
    VfioUser,
    Vfio,
    Serial,
    Pl011,
    Gpio,
    IoApic,
    Gic,
    PvPanic,
    Ivshmem,
    PvMemControl,
    DebugConsole,
    SgxEpc,
    Tpm,
)


# more segments than a release allows
_SEGMENTS: Final = 256


def _kind(parts: Parts) -> type[Device]:
    place = parts.entry.place if parts.entry else None
    for kind in ALL:
        if place is not None and place in kind.PLACES and kind.accepts(parts):
            return kind
    for kind in ALL:
        if parts.stem in kind.STEMS and parts.id.startswith("_") and kind.accepts(parts):
            return kind
    number = parts.virtio_type
    for kind in ALL:
        if number is not None and number == kind.TYPE and kind.accepts(parts):
            return kind
    if parts.stem.startswith("gic"):
        return Gic
    return AnyVirtio if parts.transport or number is not None else Device


def find(snap: Snapshot) -> Mapping[str, Device]:
    """The devices of a snapshot by id, in the order of people, the VMM's own PCI functions first."""
    found = {parts.id: _kind(parts)(parts) for parts in gather(snap)}
    if iommu := next((d for d in found.values() if isinstance(d, Iommu)), None):
        for name, device in found.items():
            if device.bdf and device is not iommu:
                found[name] = type(device)(replace(device.parts, buffers=iommu.behind(device.bdf)))
    bridges = {
        name: HostBridge(Parts(name, lambda _address, _length: b""))
        for segment in sorted(_segments(snap, found.values()))
        if (name := f"pci-{segment}:00:00.0") not in found
    }
    return bridges | {name: found[name] for name in sorted(found, key=_order)}


def _segments(snap: Snapshot, devices: Iterable[Device]) -> set[str]:
    """The PCI segments: those that devices are in, and as many as the configuration asks for."""
    used = {device.parts.bdf[:4] for device in devices if len(device.parts.bdf) == 12}
    try:
        count = (snap.config_json.get("platform") or {}).get("num_pci_segments")
    except (SnapfsError, AttributeError):
        count = None
    if used and isinstance(count, int):
        used |= {f"{n:04x}" for n in range(min(count, _SEGMENTS))}
    return used | {"0000"} if used else used


def _order(name: str) -> tuple[str, int, str]:
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem.strip("_"), int(digits) if digits.isascii() and digits and len(digits) < 20 else -1, name
