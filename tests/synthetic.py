"""A snapshot of every release, architecture and hypervisor, written from the release's own declarations. Synthetic: no VMM ran.

The keys of every struct come from the schema of the release tags (snapfs/formats/facts/{schema,versionize}.py, derived from the VMM's
sources), each with the value that says least; what a test looks for is given. KVM's structs, which the schema does not have, are
in `vcpu_payloads`. `NAMES` are the combinations that exist, `SHAPES` those in which something is written otherwise than before.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vcpu_payloads
from builders import Era, Machine, Node, Ram, write

from snapfs.formats.facts.schema import CONFIG, RELEASES, STATE, Schema
from snapfs.formats.facts.versionize import EPOCHS, LAYOUTS
from snapfs.layout.versionize import parse_type

__all__ = ["CHANGED", "DISK", "NAMES", "RAM", "SHAPES", "build", "number"]

#: first release of each combination
_SINCE = {"x86_64": "v0.7.0", "aarch64": "v0.11.0", "riscv64": "v43.0", "x86_64-mshv": "v0.12.0", "aarch64-mshv": "v45.0"}
NAMES = tuple(
    f"{tag}-{target}" for target, since in _SINCE.items() for tag in RELEASES[:-1] if RELEASES.index(tag) >= RELEASES.index(since)
)
#: the releases at which the shape of some part changed, by target
CHANGED = {
    "x86_64": "0.7.0 0.8.0 0.9.0 0.10.0 0.11.0 0.14.0 15.0 16.0 18.0 19.0 22.0 23.0 24.0 25.0 26.0 28.0 29.0 35.0 37.1 38.0 39.0 44.0 49.0 "
    "50.0 52.0 53.0",
    "aarch64": "0.11.0 0.14.0 15.0 16.0 17.0 19.0 23.0 25.0 26.0 27.0 29.0 38.0 39.0 46.0 53.0",
    "riscv64": "43.0 53.0",
    "x86_64-mshv": "0.12.0 20.0 26.0 39.0 40.0 53.0",
    "aarch64-mshv": "45.0 46.0 53.0",
}
#: one of each shape; every name with SNAPFS_EVERY_RELEASE in the environment
SHAPES = NAMES if os.environ.get("SNAPFS_EVERY_RELEASE") else tuple(f"v{tag}-{t}" for t, tags in CHANGED.items() for tag in tags.split())
#: the disk of every machine, and the content of its memory
DISK = {"disk_path": "/srv/disk.raw", "disk_nsectors": 2048}
RAM = b"synthetic memory" * 256 + bytes(3 * 4096)
_ZERO = {
    **dict.fromkeys(("u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"), 0),
    "bool": False, "String": "", "PathBuf": "/srv/file", "MacAddr": "12:34:56:78:9a:bc", "Ipv4Addr": "192.168.249.1",
    "IpAddr": "192.168.249.1", "VmState": {},
}  # fmt: skip
_CODES = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "usize": "<Q", "i8": "<b", "i16": "<h", "i32": "<i", "i64": "<q"}


def number(tag: str) -> int:
    """The N of vN.M or of v0.N.M."""
    parts = tag.removeprefix("v").split(".")
    return int(parts[1] if parts[0] == "0" else parts[0])


class _Release:
    """Values of the types that one release declares."""

    def __init__(self, tag: str, arch: str, hypervisor: str) -> None:
        self.tag, self.arch, self.hypervisor = tag, arch, hypervisor
        self.place = RELEASES.index(tag)
        self.number = number(tag)

    def before(self, tag: str) -> bool:
        return self.place < RELEASES.index(tag)

    def has(self, kind: str) -> bool:
        """Whether the release declares a struct of the state."""
        return any(self._alive(rows) is not None for rows in STATE[kind][1].values())

    def _alive(self, rows: Any) -> str | None:
        """The type of a field in this release; None where it does not have the field."""
        return next((kind for kind, first, last, _ in rows if RELEASES.index(first) <= self.place <= RELEASES.index(last)), None)

    def _declared(self, schema: Schema, kind: str) -> tuple[str, Mapping[str, Any]]:
        for name in (f"{kind}:{self.hypervisor}-{self.arch}", f"{kind}:{self.arch}", kind, f"{kind}:fs"):
            # a struct that moved has one entry for each place
            if name in schema and (not schema[name][1] or any(self._alive(rows) is not None for rows in schema[name][1].values())):
                return schema[name]
        raise KeyError(kind)

    def json(self, schema: Schema, kind: str, given: Any = None) -> Any:
        """A value of a Rust type as serde_json writes it; `given` has what is not to be the least."""
        kind = kind.strip("()") if kind.startswith("(") and "," not in kind else kind
        constructor, arguments = parse_type(kind)
        if constructor == "Option":
            return None if given is None else self.json(schema, arguments[0], given)
        if constructor == "Vec":
            return [self.json(schema, arguments[0], item) for item in given or ()]
        if constructor == "Map":
            return {key: self.json(schema, arguments[1], item) for key, item in (given or {}).items()}
        if constructor == "array":
            return given or [self.json(schema, arguments[0])] * int(arguments[1])
        if constructor == "tuple":
            return given or [self.json(schema, part) for part in arguments]
        if constructor in _ZERO:
            return _ZERO[constructor] if given is None else given
        try:
            shape, fields = self._declared(schema, constructor)
        except KeyError:
            if given is None:
                raise
            return given
        if shape == "enum":
            return given if given is not None else next(name for name, rows in fields.items() if self._alive(rows) is not None)
        found = {}
        for name, rows in fields.items():
            if (own := self._alive(rows)) is None:
                continue
            value = self.json(schema, own, (given or {}).get(name))
            if value is not None or self.before("v53.0"):
                found[name] = value
        return found["0"] if found.keys() == {"0"} else found

    def binary(self, kind: str, value: Any) -> bytes:
        """A value in versionize's format."""
        constructor, arguments = parse_type(kind)
        if constructor in _CODES:
            return struct.pack(_CODES[constructor], value)
        if constructor == "bool":
            return bytes([value])
        if constructor in ("String", "PathBuf"):
            return struct.pack("<Q", len(value.encode())) + value.encode()
        if constructor == "Option":
            return b"\0" if value is None else b"\1" + self.binary(arguments[0], value)
        if constructor == "Vec":
            return struct.pack("<Q", len(value)) + b"".join(self.binary(arguments[0], item) for item in value)
        if constructor == "array":
            return b"".join(self.binary(arguments[0], item) for item in value)
        if constructor == "tuple":
            return b"".join(self.binary(part, item) for part, item in zip(arguments, value, strict=True))
        starts = [epoch for epoch in EPOCHS if epoch in LAYOUTS[constructor] and not self.before(epoch)]
        fields = LAYOUTS[constructor][starts[-1]]
        if isinstance(fields[0], str):
            return struct.pack("<I", fields.index(value))
        return b"".join(self.binary(own, value[name]) for name, own in fields)  # type: ignore[misc]

    def leaf(self, kind: str, given: Any = None, *, binary: bool = True) -> Any:
        """A device's leaf in the encoding of the release."""
        value = self.json(STATE, kind, given)
        return self.binary(kind, value) if binary and 16 <= self.number < 39 else value


def _ram(arch: str) -> int:
    return 0 if arch == "x86_64" else 0x40000000


def _virtio(release: _Release, kind: int) -> Node:
    """The transport of a virtio device: 1024 words of configuration space, the device id in the first."""
    base = _ram(release.arch)
    registers = [0x1040 + kind << 16 | 0x1AF4, *[0] * 1023]
    children = {
        "pci_configuration": Node(release.leaf("PciConfigurationState", {"registers": registers, "writable_bits": [0] * 1024})),
        "virtio_pci_common_config": Node(release.leaf("VirtioPciCommonConfigState", {"driver_status": 15})),
        "msix_config": Node(release.leaf("MsixConfigState", {"enabled": True})),
    }
    queue = {
        "max_size": 128,
        "size": 128,
        "ready": True,
        "desc_table": base + 0x1000,
        "avail_ring": base + 0x2000,
        "used_ring": base + 0x3000,
    }
    return Node(release.leaf("VirtioPciDeviceState", {"device_activated": True, "queues": [queue]}), children)


def _virtio_devices(release: _Release) -> dict[str, tuple[int, str, Any]]:
    """Every virtio device that the release saves state of: id -> virtio type, struct, what is to be in it."""
    own = "_" if release.before("v24.0") else "__"
    features = {"avail_features": 1 << 32, "acked_features": 1 << 32}
    behind = ("VhostUserBlkState", "VhostUserNetState", "VhostUserFsState") if release.before("v52.0") else ("VhostUserState",) * 3
    block = release.json(STATE, "VirtioBlockConfig")
    net = release.json(STATE, "VirtioNetConfig")
    found = {
        "_disk0": (2, "BlockState", DISK),
        "_net1": (1, "NetState", {"queue_size": [256]}),
        f"{own}console": (3, "ConsoleState", {}),
        f"{own}rng": (4, "RngState", {}),
        f"{own}balloon": (5, "BalloonState", {}),
        f"{own}rtc": (17, "RtcState", {}),
        "_vsock2": (19, "VsockState", {}),
        f"{own}iommu": (23, "IommuState", {}),
        "mem0": (24, "MemState", {"config": {"block_size": 2 << 20}, "blocks_state": {"bitmap": [True, False]}}),
        "_pmem3": (27, "PmemState", {}),
        f"{own}watchdog": (35, "WatchdogState", {}),
        "_vdpa4": (1, "VdpaState", {"device_type": 1, "queue_sizes": [256]}),
        "_disk5": (2, behind[0], {"config": block}),
        "_net6": (1, behind[1], {"config": net}),
        "_fs7": (26, behind[2], {"config": {"tag": list(b"shared".ljust(36, bytes(1))), "num_request_queues": 1}}),
    }
    return {
        name: (kind, kind_of_state, {**features, **given})
        for name, (kind, kind_of_state, given) in found.items()
        if release.has(kind_of_state)
    }


def _devices(release: _Release) -> tuple[dict[str, Node], Any]:
    """The device manager's components and its own state: every device that there can be."""
    own = "_" if release.before("v24.0") else "__"
    virtio = _virtio_devices(release)
    found = {name: Node(release.leaf(struct_name, given)) for name, (_, struct_name, given) in virtio.items()}
    if not release.before("v0.8.0"):
        found |= {f"_virtio-pci-{name}": _virtio(release, kind) for name, (kind, _, _) in virtio.items()}
    if release.arch == "x86_64":
        found[f"{own}ioapic"] = Node(release.leaf("IoapicState", {"apic_address": 0xFEC00000}))
    if release.arch == "aarch64" and not release.before("v0.14.0"):
        found[f"{own}serial"] = Node(release.leaf("Pl011State"))
        found[f"{own}gpio"] = Node(release.leaf("GpioState"))
    else:
        found[f"{own}serial"] = Node(release.leaf("SerialState"))
    if release.before("v0.8.0"):
        return found, None
    registers = {"registers": [0x12348086, *[0] * 1023], "writable_bits": [0] * 1024}
    pci = {"pci_configuration": Node(release.leaf("PciConfigurationState", registers))}
    for name, state in (("__pvpanic", "PvPanicDeviceState"), ("__ivshmem", "IvshmemDeviceState")):
        if release.has(state):
            found[name] = Node(release.leaf(state), pci)
    if release.has("VfioCommonState"):
        migration = {"vfio_migration": Node(release.leaf("VfioMigrationData"))} if release.has("VfioMigrationData") else {}
        msix = {"msix_config": Node(release.leaf("MsixConfigState"))}
        found["_vfio8"] = Node(None, {"vfio_common": Node(release.leaf("VfioCommonState"), {**pci, **msix, **migration})})
    tree = {}
    for slot, name in enumerate(found):
        is_function = "pci_configuration" in found[name].children
        tree[name] = {"id": name, "pci_bdf": (f"0000:00:{slot:02x}.0" if release.number >= 22 else slot << 3) if is_function else None}
    return found, release.json(STATE, "DeviceManagerState", {"device_tree": tree, "device_id_cnt": 9})


def _gic(release: _Release) -> dict[str, Node]:
    """The interrupt controller of an aarch64 machine with one vCPU."""
    if release.hypervisor == "mshv":
        return {"gic-v3-its": Node(None if release.before("v46.0") else {"MshvGicV2M": {}})}
    interrupts = 128 if release.before("v0.14.0") else 224 if release.before("v16.0") else 256
    words = {
        "dist": [0] * (1 + 81 * (interrupts - 32) // 32),
        "rdist": [0] * 24,
        "icc": [7, 0x400, 0, 1, 0xF0, 2, 3, 0, 0],
        "gicd_ctlr": 0x52,
    }
    words_of_32 = (interrupts - 32) // 32
    words["dist"][1 + words_of_32] = 1 << 11  # GICD_ISENABLER1: the UART's 43
    if release.before("v17.0"):
        return {"gic-v3": Node(release.leaf("Gicv3State", words))}
    state = release.leaf("Gicv3ItsState", {**words, "its_ctlr": 1}, binary=release.before("v25.0"))
    return {"gic-v3-its": Node({"Kvm": state} if not release.before("v46.0") else state)}


def _vcpu(release: _Release) -> Any:
    if release.hypervisor == "mshv":
        return vcpu_payloads.x86_mshv(release.number) if release.arch == "x86_64" else vcpu_payloads.arm64_mshv()
    if release.arch == "riscv64":
        return vcpu_payloads.riscv64()
    return vcpu_payloads.x86(release.number) if release.arch == "x86_64" else vcpu_payloads.arm64(release.number)


def build(name: str, target: Path) -> Path:
    """Writes the snapshot of that name (one of NAMES) into a directory."""
    tag, _, rest = name.partition("-")
    arch, _, hypervisor = rest.partition("-")
    release = _Release(tag, arch, hypervisor or "kvm")
    n = release.number
    era: Era = "A" if n < 16 else "B" if n < 29 else "C" if n < 39 else "D"
    devices, manager = _devices(release)
    gic = _gic(release) if arch == "aarch64" else {}
    config = release.json(
        CONFIG,
        "VmConfig",
        {"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": len(RAM)}, "disks": [{"path": DISK["disk_path"], "id": "_disk0"}]},
    )
    vm = {k: v for k, v in release.json(STATE, "VmSnapshot", {"config": config, "common_cpuid": []}).items() if k != "common_cpuid"}
    return write(
        target,
        Machine(
            era=era,
            vcpus=[_vcpu(release)],
            ram=[Ram(_ram(arch), RAM)],
            config=config,
            vm=vm,
            devices={**devices, **(gic if n >= 29 else {})},
            device_manager=manager,
            regions=n < 19,
            region_key="backing_file" if n < 11 else "content",
            others=gic if n < 29 else {},
            vcpu_key="{:03}" if 25 <= n < 29 else "{}",
            one_file=n < 22,
        ),
    )
