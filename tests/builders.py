"""Synthetic snapshots: the shapes of which no real capture was to be had, and machines made for one test.

Everything here is written from the declarations of Cloud Hypervisor's own structs (vmm/src/{vm,cpu,memory_manager}.rs,
vm-migration/src/lib.rs of the releases named), never from what snapfs makes of them. A machine is described once and written in
the dialect of any era:

    A  v0.7 to v15   vm.json, sections of bytes, all leaves JSON, memory-region-<n>
    B  v16 to v28    sections of bytes, binary leaves; v16 to v18 with memory-region-<n>, v22 and later with config.json
    C  v29 to v38    bytes without a section, binary leaves
    D  v39 and later JSON in a string
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Era", "Leaf", "Machine", "Node", "Ram", "one_reg", "one_regs", "u8", "u16", "u32", "u64", "vec", "write"]

Era = Literal["A", "B", "C", "D"]
#: a leaf's data: bytes for a binary struct, anything else for JSON, None for a node without data
Leaf = Any


@dataclass(frozen=True)
class Ram:
    """A range of RAM. `content` is its bytes, or the number of zeros that it holds; what was left out of the snapshot has no
    content but a size. The order of ranges is the order of the file."""

    gpa: int
    content: bytes | int
    zone: str = "mem0"
    virtio_mem: bool = False
    saved: bool = True

    @property
    def size(self) -> int:
        return self.content if isinstance(self.content, int) else len(self.content)


@dataclass(frozen=True)
class Node:
    """A component: its data and the components inside."""

    data: Leaf = None
    children: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine:
    """A machine to be written. `vcpus` are payloads as the release wraps them, `vm` is the machine's own state."""

    era: Era = "D"
    vcpus: Sequence[Leaf] = ()
    ram: Sequence[Ram] = (Ram(0, 4096),)
    config: Mapping[str, Any] = field(default_factory=lambda: {"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": 4096}})
    vm: Mapping[str, Any] = field(default_factory=dict)
    devices: Mapping[str, Node] = field(default_factory=dict)
    device_manager: Leaf = field(default_factory=lambda: {"device_tree": {}, "device_id_cnt": 0})
    #: memory-region-<n> instead of memory-ranges, and the key that names such a file; None for the era's own way
    regions: bool | None = None
    region_key: str = "content"
    #: components beside the managers: the GIC of v11 to v28
    others: Mapping[str, Node] = field(default_factory=dict)
    #: the key of vCPU n: three digits in v25 to v28
    vcpu_key: str = "{}"
    #: vm.json instead of config.json and state.json; None for the era's own way
    one_file: bool | None = None


# ---- versionize: little-endian, fields one after the other, lengths and counts as u64


def u8(value: int) -> bytes:
    return struct.pack("<B", value)


def u16(value: int) -> bytes:
    return struct.pack("<H", value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def vec(items: Sequence[bytes]) -> bytes:
    """A list, or a string's bytes one by one."""
    return u64(len(items)) + b"".join(items)


def _string(text: str) -> bytes:
    return u64(len(text.encode())) + text.encode()


def _option(item: bytes | None) -> bytes:
    return u8(0) if item is None else u8(1) + item


# ---- the memory manager


def _regions(machine: Machine) -> Leaf:
    """`MemoryManagerSnapshotData` of v0.7 to v18: one region after the other by address."""
    rows = [
        {machine.region_key: f"memory-region-{n}" if r.saved else None, "start_addr": r.gpa, "size": r.size}
        for n, r in enumerate(machine.ram)
    ]
    if machine.era == "A":
        return {"memory_regions": rows}
    return vec([
        _option(_string(row[machine.region_key]) if row[machine.region_key] else None) + u64(row["start_addr"]) + u64(row["size"])
        for row in rows
    ])  # fmt: skip


def _ranges(machine: Machine) -> Leaf:
    """`MemoryManagerSnapshotData` of v19 and later."""
    saved = [r for r in machine.ram if r.saved]
    end = max(r.gpa + r.size for r in machine.ram)
    if machine.era == "D":
        return {
            "memory_ranges": {"data": [{"gpa": r.gpa, "length": r.size} for r in saved]},
            "guest_ram_mappings": [
                {"slot": n, "gpa": r.gpa, "size": r.size, "zone_id": r.zone, "virtio_mem": r.virtio_mem, "file_offset": 0}
                for n, r in enumerate(machine.ram)
            ],
            "start_of_device_area": end,
            "boot_ram": sum(r.size for r in machine.ram),
            "current_ram": sum(r.size for r in machine.ram),
            "arch_mem_regions": [],
            "hotplug_slots": [],
            "next_memory_slot": len(machine.ram),
            "selected_slot": 0,
            "next_hotplug_slot": 0,
        }
    mappings = [
        u32(n) + u64(r.gpa) + u64(r.size) + _string(r.zone) + u8(r.virtio_mem) + u64(0) for n, r in enumerate(machine.ram)
    ]  # fmt: skip
    total = u64(sum(r.size for r in machine.ram))
    return (
        vec([u64(r.gpa) + u64(r.size) for r in saved])
        + vec(mappings)
        + (u64(end) + total + total)
        + (vec([]) + vec([]))
        + (u32(len(machine.ram)) + u64(0) + u64(0))
    )


# ---- the envelope


def _wrap(name: str, node: Node, era: Era, section: str | None = None) -> dict[str, Any]:
    children = {key: _wrap(key, child, era, "vcpu" if name == "cpu-manager" else None) for key, child in node.children.items()}
    data = node.data if isinstance(node.data, bytes) or node.data is None else json.dumps(node.data).encode()
    if era == "D":
        return {"snapshots": children, "snapshot_data": None if data is None else {"state": data.decode()}}
    if era == "C":
        return {"snapshots": children, "snapshot_data": None if data is None else list(data)}
    key = f"{section or name}-section"
    return {"id": name, "snapshots": children, "snapshot_data": {} if data is None else {key: {"id": key, "snapshot": list(data)}}}


def write(target: Path, machine: Machine) -> Path:
    """Writes the snapshot's files into a directory, which is made."""
    target.mkdir(parents=True, exist_ok=True)
    by_region = machine.regions if machine.regions is not None else machine.era == "A"
    one_file = machine.one_file if machine.one_file is not None else by_region
    saved = [(n, r, r.content if isinstance(r.content, bytes) else bytes(r.content)) for n, r in enumerate(machine.ram) if r.saved]
    if by_region:
        for n, _, content in saved:
            (target / f"memory-region-{n}").write_bytes(content)
    else:
        (target / "memory-ranges").write_bytes(b"".join(content for _, _, content in saved))
    state = {**({"config": machine.config} if one_file else {}), **machine.vm}
    root = Node(
        state,
        {
            "cpu-manager": Node(None, {machine.vcpu_key.format(n): Node(vcpu) for n, vcpu in enumerate(machine.vcpus)}),
            "device-manager": Node(machine.device_manager, machine.devices),  # without data in v0.7
            "memory-manager": Node(_regions(machine) if by_region else _ranges(machine)),
            **machine.others,
        },
    )
    document = json.dumps(_wrap("vm", root, machine.era))
    if one_file:
        (target / "vm.json").write_text(document)
    else:
        (target / "config.json").write_text(json.dumps(machine.config))
        (target / "state.json").write_text(document)
    return target


# ---- registers by id


def one_reg(reg: int, value: int) -> list[int]:
    """`kvm_one_reg` as v39 and later write it: 16 bytes."""
    return list(struct.pack("<QQ", reg, value))


def one_regs(values: Mapping[int, int]) -> list[list[int]]:
    """A list of them."""
    return [one_reg(reg, value) for reg, value in values.items()]
