"""Leaves that were saved as bytes: JSON text, or the versionize binary of v16 to v38.

A binary leaf carries no name and no version. Its struct follows from the component's place and kind, its layout from the
one release epoch whose layout consumes it exactly. A leaf that nothing fits stays bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from snapfs.errors import CorruptState
from snapfs.formats.facts.versionize import EPOCHS, LAYOUTS
from snapfs.layout import versionize
from snapfs.snapshot import document

if TYPE_CHECKING:
    from snapfs.snapshot.component import Component

__all__ = ["Leaf", "decode", "structs_of"]


@dataclass(frozen=True)
class Leaf:
    """The value of a leaf and how it was encoded: `JSON`, or the struct and the first release of the layout that fitted."""

    value: Any
    encoding: str
    epochs: tuple[str, ...] = ()


# the component's key -> the structs that it may hold
_BY_NAME: Final = {
    "memory-manager": ("MemoryManagerSnapshotData",),
    "gic-v3": ("Gicv3State",),
    "gic-v3-its": ("Gicv3ItsState", "GicState"),
    "pci_configuration": ("PciConfigurationState",),
    "virtio_pci_common_config": ("VirtioPciCommonConfigState",),
    "msix_config": ("MsixConfigState",),
    "msi_config": ("MsiConfigState",),
    "vfio_common": ("VfioCommonState",),
    "vfio_migration": ("VfioMigrationData",),
}
# devices that are not virtio, by the name that the VMM gives them
_BY_PREFIX: Final = {
    "ioapic": ("IoapicState",),
    "serial": ("SerialState", "Pl011State"),
    "gpio": ("GpioState",),
    "pvpanic": ("PvPanicDeviceState",),
    "ivshmem": ("IvshmemDeviceState",),
    "virtio-mmio": ("VirtioMmioDeviceState",),
}
# virtio device type -> the structs that its state may be
_BY_TYPE: Final = {
    1: ("NetState", "VhostUserNetState", "VhostUserState"),
    2: ("BlockState", "VhostUserBlkState", "VhostUserState"),
    3: ("ConsoleState",),
    4: ("RngState",),
    5: ("BalloonState",),
    17: ("RtcState",),
    19: ("VsockState",),
    23: ("IommuState",),
    24: ("MemState",),
    26: ("VhostUserFsState", "VhostUserState"),
    27: ("PmemState",),
    35: ("WatchdogState",),
}

# the VMM's own prefix of an id -> virtio device type
_TYPE_OF: Final = {
    "net": 1, "disk": 2, "console": 3, "rng": 4, "balloon": 5, "vsock": 19, "iommu": 23, "mem": 24, "fs": 26, "pmem": 27, "watchdog": 35,
}  # fmt: skip
_GENERATED: Final = re.compile(rf"__?({'|'.join(_TYPE_OF)})\d*")

# the layout that both v28 (sections) and v29 (byte lists) have, and the one with which the VMM's own ids got two underscores
_BOTH_WRAPPINGS: Final = "v28.0"
_TWO_UNDERSCORES: Final = "v24.0"
_BEFORE_TWO: Final = frozenset({"_ioapic", "_serial", "_console", "_rng", "_iommu", "_balloon", "_watchdog", "_gpio"})


@lru_cache(maxsize=len(EPOCHS))
def _schema(epoch: str) -> versionize.Schema:
    upto = EPOCHS[: EPOCHS.index(epoch) + 1]
    schema = {}
    for name, layouts in LAYOUTS.items():
        known = [start for start in layouts if start in upto]
        if known:
            schema[name] = layouts[known[-1]]
    return schema


def _virtio_type(component: Component) -> int | None:
    """The virtio device type behind a user-chosen id, from the PCI device id of its transport; without one (v0.7) from an id that
    the VMM chose."""
    transport = component.parent and component.parent.children.get(f"_virtio-pci-{component.name}")
    pci = transport and transport.children.get("pci_configuration")
    try:
        device = pci.data["registers"][0] >> 16 if pci else 0
    except (CorruptState, KeyError, IndexError, TypeError):
        device = 0
    if 0x1040 <= device < 0x1080:
        return device - 0x1040
    chosen = _GENERATED.fullmatch(component.name)
    return _TYPE_OF[chosen[1]] if chosen else None


def structs_of(component: Component) -> Iterator[str]:
    """The Rust structs that a component of this place and kind may hold, the likeliest first."""
    name = component.name
    if name in _BY_NAME:
        yield from _BY_NAME[name]
    elif name.startswith("_virtio-pci-"):
        yield "VirtioPciDeviceState"
    elif (kind := _virtio_type(component)) is not None:
        yield from _BY_TYPE.get(kind, ())
        yield from ("VdpaState", "VhostUserState")  # any virtio type may be behind vDPA or vhost-user
    else:
        for prefix, structs in _BY_PREFIX.items():
            if name.lstrip("_").startswith(prefix):
                yield from structs


def _possible(component: Component) -> tuple[str, ...]:
    """The layouts that can be, by how the state is wrapped and how the VMM named its own devices. A renamed field has the same
    bytes as before, so that these tell its name."""
    first, last = 0, len(EPOCHS)
    if component.wrapped[0] == "sections":
        last = EPOCHS.index(_BOTH_WRAPPINGS) + 1
    elif component.wrapped[0] == "byte-list":
        first = EPOCHS.index(_BOTH_WRAPPINGS)
    root = component
    while root.parent is not None:
        root = root.parent
    devices = root.find("device-manager")
    names = devices.children.keys() if devices else ()
    if any(name.startswith("__") for name in names):
        first = max(first, EPOCHS.index(_TWO_UNDERSCORES))
    elif any(name in _BEFORE_TWO for name in names):
        last = min(last, EPOCHS.index(_TWO_UNDERSCORES))
    return EPOCHS[first:last] or EPOCHS


def _fits(struct: str, data: bytes, epochs: tuple[str, ...]) -> Leaf | None:
    """The value when some epoch's layout consumes `data`, with all epochs that do; the newest decides."""
    found: dict[str, Any] = {}
    for epoch in epochs:
        if struct not in _schema(epoch):
            continue
        try:
            found[epoch] = versionize.decode(_schema(epoch), struct, data)
        except CorruptState:
            continue
    if not found:
        return _fits(struct, data, EPOCHS) if epochs != EPOCHS else None
    return Leaf(list(found.values())[-1], struct, tuple(found))


def decode(component: Component, data: bytes) -> Leaf:
    """The value of a byte leaf. CorruptState when it is neither JSON nor a struct that its place allows."""
    candidates = tuple(structs_of(component))
    epochs = _possible(component) if candidates else EPOCHS
    # a short binary can be JSON by accident, so that where a binary struct is possible it is tried first; the releases
    # that wrote JSON bytes for the same component begin with a brace, which no such struct of theirs does
    if data[:1] not in (b"{", b"["):
        for struct in candidates:
            if leaf := _fits(struct, data, epochs):
                return leaf
    try:
        return Leaf(document.parse(data, component.where), "JSON")
    except CorruptState:
        for struct in candidates:
            if leaf := _fits(struct, data, epochs):
                return leaf
    raise CorruptState(
        f"{component.where}: {len(data)} bytes that are neither JSON nor {' nor '.join(candidates) or 'a struct known for this name'}; "
        "the bytes are kept as they are"
    )
