"""What belongs to one device, gathered from the three places that know of it: device tree, components, configuration.

The transport of device X is the node `_virtio-pci-X`; it is part of X and no device of its own. Users choose ids, so what an id
means is not in the id: the configuration's list that names it decides. Source: Cloud Hypervisor, vmm/src/device_manager.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from snapfs.errors import SnapfsError
from snapfs.formats.virtqueue import Reader
from snapfs.snapshot.component import Component

if TYPE_CHECKING:
    from snapfs.snapshot.snapshot import Snapshot

__all__ = ["Entry", "Parts", "gather"]

_TRANSPORTS: Final = ("_virtio-pci-", "_virtio-mmio-")
# the configuration's lists of devices; `vsock` was one at first
_LISTS: Final = (
    ("disks", "disk"),
    ("net", "net"),
    ("fs", "fs"),
    ("pmem", "pmem"),
    ("vsock", "vsock"),
    ("vdpa", "vdpa"),
    ("devices", "vfio"),
    ("user_devices", "vfio_user"),
    ("generic_vhost_user", "generic_vhost_user"),
    ("sgx_epc", "sgx_epc"),
)
# the configuration's keys of devices of which a machine has one, by the stem of the id
_SINGLE: Final = {
    "rng": "rng",
    "console": "console",
    "serial": "serial",
    "balloon": "balloon",
    "watchdog": "watchdog",
    "pvpanic": "pvpanic",
    "iommu": "iommu",
    "debug_console": "debug_console",
    "pvmemcontrol": "pvmemcontrol",
    "ivshmem": "ivshmem",
    "rtc": "rtc",
    "vsock": "vsock",
    "tpm": "tpm",
}
# the VMM's own parts that are saved beside the devices and are none
_BESIDE: Final = ("gic-v3", "gic-v3-its")
_MANY: Final = 1 << 16


@dataclass(frozen=True)
class Entry:
    """An entry of the configuration: `place` is its list or key, `path` where it stands."""

    place: str
    path: str
    value: Any

    def get(self, key: str) -> Any:
        """A value of the entry; None where it has none."""
        return self.value.get(key) if isinstance(self.value, dict) else None


@dataclass(frozen=True)
class Parts:
    """What is known of one device before anything of it is decoded."""

    id: str
    read: Reader
    component: Component | None = None
    transport: Component | None = None
    node: Mapping[str, Any] | None = None
    transport_node: Mapping[str, Any] | None = None
    entry: Entry | None = None
    #: reads at the addresses that the device uses, for a device behind an IOMMU
    buffers: Reader | None = None

    @property
    def stem(self) -> str:
        """The id without the underscores before and the number behind it."""
        return self.id.strip("_").rstrip("0123456789")

    def state(self) -> Any:
        """The device's own state; None where it has none. CorruptState where it cannot be decoded."""
        return self.component.data if self.component else None

    def keys(self) -> Mapping[str, Any]:
        """The state by key; empty where there is none, or none that can be decoded."""
        try:
            found = self.state()
        except SnapfsError:
            return {}
        return found if isinstance(found, dict) else {}

    def has(self, key: str) -> bool:
        """Whether the state has a key."""
        return key in self.keys()

    def below(self, name: str) -> Component | None:
        """A component of the PCI function: of the transport, of the device, or of its VFIO part."""
        for owner in (self.transport, self.component, self.component and self.component.find("vfio_common")):
            if owner and name in owner.children:
                return owner.children[name]
        return None

    @property
    def registers(self) -> list[int]:
        """The 32-bit registers of the configuration space that were saved; empty where none were, or none that can be decoded."""
        component = self.below("pci_configuration")
        try:
            found = component.data.get("registers") if component else None
        except (SnapfsError, AttributeError):
            return []
        if not isinstance(found, list) or len(found) > 1024:
            return []
        return found if all(isinstance(v, int) and 0 <= v < 1 << 32 for v in found) else []

    @property
    def virtio_type(self) -> int | None:
        """The virtio device type, from the PCI device id; None for what is not virtio."""
        registers = self.registers
        if not registers or registers[0] & 0xFFFF != 0x1AF4:
            return None
        device = registers[0] >> 16
        return device - 0x1040 if 0x1040 <= device < 0x1080 else None

    @property
    def vhost_user(self) -> bool:
        """Whether another process is behind the device."""
        return bool(self.entry and (self.entry.get("vhost_user") or self.entry.place in ("fs", "generic_vhost_user"))) or (
            self.has("acked_protocol_features")
        )

    @property
    def bdf(self) -> str:
        """`segment:bus:device.function`; empty for what is no PCI function."""
        for node in (self.transport_node, self.node):
            value = node.get("pci_bdf") if node else None
            if isinstance(value, str):
                return value
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
                # packed, up to v21
                return f"{value >> 16:04x}:{value >> 8 & 0xFF:02x}:{value >> 3 & 0x1F:02x}.{value & 7}"
        return ""

    @property
    def resources(self) -> list[Mapping[str, Any]]:
        """What the device tree says that the device takes up, its transport included."""
        found: list[Mapping[str, Any]] = []
        for node in (self.node, self.transport_node):
            listed = node.get("resources") if node else None
            found += [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []
        return found


def _target(name: str) -> str | None:
    """The device that a transport's node belongs to; None for any other name."""
    return next((name[len(prefix) :] for prefix in _TRANSPORTS if name.startswith(prefix)), None)


def _tree(manager: Component | None) -> Mapping[str, Any]:
    try:
        data = manager.data if manager else None
    except SnapfsError:
        return {}
    tree = data.get("device_tree") if isinstance(data, dict) else None
    return {k: v for k, v in tree.items() if isinstance(v, dict)} if isinstance(tree, dict) else {}


def gather(snap: Snapshot) -> Iterator[Parts]:
    """The parts of every device that the snapshot names, in no order."""
    try:
        machine: Component | None = snap.machine
    except SnapfsError:
        machine = None
    manager = machine.find("device-manager") if machine else None
    tree = _tree(manager)
    components = dict(manager.children) if manager else {}
    components |= {name: c for name in _BESIDE if machine and (c := machine.find(name))}

    def read(address: int, length: int) -> bytes:
        return snap.memory.read(address, length)

    ids = {name: None for name in (*components, *tree) if name and _target(name) is None}
    ids |= {target: None for name in (*components, *tree) if (target := _target(name))}
    entries, rest = _entries(_config(snap), tuple(ids))
    for name in ids:
        transports = [prefix + name for prefix in _TRANSPORTS]
        yield Parts(
            name,
            read,
            components.get(name),
            next((components[t] for t in transports if t in components), None),
            tree.get(name),
            next((tree[t] for t in transports if t in tree), None),
            entries.get(name),
        )
    for name, entry in rest:
        yield Parts(name, read, entry=entry)


def _config(snap: Snapshot) -> Mapping[str, Any]:
    try:
        config = snap.config_json
    except SnapfsError:
        return {}
    return config if isinstance(config, dict) else {}


def _entries(config: Mapping[str, Any], ids: tuple[str, ...]) -> tuple[dict[str, Entry], list[tuple[str, Entry]]]:
    """The configuration's entry of each device, and the entries that no device of the state answers to."""
    found: dict[str, Entry] = {}
    rest: list[tuple[str, Entry]] = []
    for place, stem in _LISTS:
        listed = config.get(place)
        if not isinstance(listed, list):
            continue
        # an entry without an id got the next one of its kind
        unnamed = iter(_unnamed(listed[:_MANY], ids, stem))
        for n, value in enumerate(listed[:_MANY]):
            entry = Entry(place, f"{place}/{n}", value)
            name = entry.get("id") or next(unnamed, None)
            if isinstance(name, str) and name in ids:
                found.setdefault(name, entry)
            else:
                rest.append((name if isinstance(name, str) and name else f"{place}-{n}", entry))
    for name in ids:
        if name not in found and (entry_ := _single(config, name)):
            found[name] = entry_
    memory = config.get("memory")
    if isinstance(memory, dict):
        zones = memory.get("zones")
        for n, zone in enumerate(zones[:_MANY] if isinstance(zones, list) else ()):
            if isinstance(zone, dict) and zone.get("id") in ids:
                found.setdefault(zone["id"], Entry("memory/zones", f"memory/zones/{n}", zone))
        for name in ids:
            if re.fullmatch("_?mem[0-9]*", name):
                found.setdefault(name, Entry("memory", "memory", memory))
    taken = {entry.path for entry in found.values()}
    if config.get("tpm") is not None and "tpm" not in taken:
        rest.append(("tpm", Entry("tpm", "tpm", config["tpm"])))
    return found, rest


def _unnamed(listed: list[Any], ids: tuple[str, ...], stem: str) -> list[str]:
    """The generated ids of a kind that no entry of its list names, in the order in which they were given out."""
    named = {value.get("id") for value in listed if isinstance(value, dict) and isinstance(value.get("id"), str)}
    pattern = re.compile(rf"_{stem}([0-9]{{1,9}})")
    free = [(int(match[1]), name) for name in ids if name not in named and (match := pattern.fullmatch(name))]
    return [name for _, name in sorted(free)]


def _single(config: Mapping[str, Any], name: str) -> Entry | None:
    stem = name.strip("_").rstrip("0123456789")
    key = _SINGLE.get(stem)
    # since v52 any of them may have an id of the user's
    chosen = next((k for k, v in config.items() if isinstance(v, dict) and v.get("id") == name), None)
    key = chosen or (key if name.startswith("_") else None)
    value = config.get(key) if key else None
    if (
        not key
        or value is None
        or isinstance(value, list)
        or (not chosen and isinstance(value, dict) and value.get("id") not in (None, name))
    ):
        return None
    return Entry(key, key, value)
