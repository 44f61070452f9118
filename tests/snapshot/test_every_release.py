"""A synthetic snapshot of every release, architecture and hypervisor reads into the same model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import synthetic
from vcpu_payloads import CORE, X86

import snapfs
from snapfs.formats.facts.schema import RELEASES
from snapfs.snapshot.component import Component
from snapfs.tree import root
from snapfs.tree.nodes import Dir, File

Opened = Callable[[str], snapfs.Snapshot]
EACH = pytest.mark.parametrize("name", synthetic.SHAPES)


def failures(node: Any, where: str = "") -> list[str]:
    """The files of a tree that cannot be read, and the ERROR files."""
    found = []
    if isinstance(node, Dir):
        for name, child in node.children.items():
            found += [f"{where}/{name}"] if name == "ERROR" else failures(child, f"{where}/{name}")
    elif isinstance(node, File) and not node.huge and not node.streamed:
        node.read_bytes()
    return found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], snapfs.Snapshot]]:
    """The snapshot of a name, written and opened once."""
    known: dict[str, snapfs.Snapshot] = {}

    def get(name: str) -> snapfs.Snapshot:
        if name not in known:
            known[name] = snapfs.open(synthetic.build(name, tmp_path_factory.mktemp(name)))
        return known[name]

    yield get
    for snap in known.values():
        snap.close()


@EACH
def test_every_part_reads(name: str, opened: Opened) -> None:
    snap = opened(name)
    assert snap.problems == []
    assert [c.where for c in snap.machine.walk() if undecoded(c)] == []
    assert failures(root(snap)) == []


def undecoded(component: Component) -> bool:
    return component.has_data and isinstance(component.data, bytes)


@EACH
def test_the_vcpu_has_the_registers_that_were_put_in(name: str, opened: Opened) -> None:
    tag, _, target = name.partition("-")
    snap = opened(name)
    vcpu: Any = snap.vcpus[0]
    assert vcpu.arch == target.partition("-")[0]
    assert vcpu.rest == {}
    if vcpu.arch == "x86_64":
        assert {n: getattr(vcpu.regs, n) for n in vcpu.regs.FIELDS} == {n: X86[n] for n in vcpu.regs.FIELDS}
        assert (vcpu.sregs.cr3, vcpu.sregs.cs.selector, vcpu.mode) == (X86["cr3"], 0x10, "long")
        assert (root(snap) / "vcpus/0/xsave/mxcsr").read_text() == "0x00001f80\n"
        assert (root(snap) / "vcpus/0/lapic/svr").read_text() == "0x000001ff\n"
    elif vcpu.arch == "aarch64":
        user = CORE["regs"]
        assert [getattr(vcpu.regs, f"x{n}") for n in range(31)] == user["regs"]
        assert (vcpu.pc, vcpu.sp, vcpu.privilege) == (user["pc"], user["sp"], "EL0")
        if "mshv" not in target:
            whole = synthetic.number(tag) >= 27
            assert vcpu.fpsimd.v9 == (9 << 64 | 0x1111 if whole else 0x1111)
            assert vcpu.sysregs["CNTVCT_EL0"] == 77
            assert vcpu.affinity == "0.0.0.0"
    else:
        assert (vcpu.pc, vcpu.privilege) == (0x1000, "S")


@EACH
def test_memory_and_configuration_are_found(name: str, opened: Opened) -> None:
    snap = opened(name)
    (saved,) = snap.memory.ranges
    assert snap.memory.read(saved.start, saved.length) == synthetic.RAM
    assert (root(snap) / "config/memory/size").read_text() == f"{len(synthetic.RAM)}\n"
    assert (root(snap) / "config/disks/0/path").read_text() == synthetic.DISK["disk_path"] + "\n"


@EACH
def test_the_disk_has_its_state_whatever_the_encoding(name: str, opened: Opened) -> None:
    snap = opened(name)
    assert (root(snap) / "state/device-manager/_disk0/disk_path").read_text() == "/srv/disk.raw\n"
    assert (root(snap) / "state/device-manager/_disk0/disk_nsectors").read_text() == "2048\n"


@EACH
def test_a_field_has_the_name_that_its_release_gave_it(name: str, opened: Opened) -> None:
    # an empty list has the same bytes under both names
    tag = name.partition("-")[0]
    state = root(opened(name)) / "state/device-manager"
    assert isinstance(state, Dir)
    if iommu := next((child for own, child in state.children.items() if own in ("_iommu", "__iommu")), None):
        assert isinstance(iommu, Dir)
        assert ({"mappings", "domains"} & iommu.children.keys()) == {"mappings" if synthetic.number(tag) < 24 else "domains"}
    else:
        assert tag == "v0.7.0"


KINDS = {
    "disk0": "block", "net1": "net", "console": "console", "rng": "rng", "balloon": "balloon", "rtc": "rtc", "vsock2": "vsock",
    "iommu": "iommu", "mem0": "mem", "pmem3": "pmem", "watchdog": "watchdog", "vdpa4": "vdpa", "disk5": "vhost-user-blk",
    "net6": "vhost-user-net", "fs7": "vhost-user-fs", "vfio8": "vfio", "pvpanic": "pvpanic", "ivshmem": "ivshmem", "ioapic": "ioapic",
    "gpio": "gpio",
}  # fmt: skip


@EACH
def test_every_device_has_its_kind(name: str, opened: Opened) -> None:
    found = {own.lstrip("_"): device.kind for own, device in opened(name).devices.items()}
    assert {own: kind for own, kind in found.items() if own in KINDS} == {own: KINDS[own] for own in found if own in KINDS}
    assert found["serial"] == ("pl011" if "aarch64" in name and not name.startswith("v0.11") else "serial")
    assert len(found) >= 6


@pytest.mark.parametrize("name", [name for name in synthetic.SHAPES if name.endswith("aarch64")])
def test_the_interrupt_controller_is_found_in_every_place_and_encoding(name: str, opened: Opened) -> None:
    tag = name.partition("-")[0]
    snap = opened(name)
    assert snap.gic is not None
    n = synthetic.number(tag)
    assert len(snap.gic.spis) == {128: 96, 224: 192, 256: 224}[128 if n < 14 else 224 if n < 16 else 256]
    assert [n for n, spi in snap.gic.spis.items() if spi.enabled] == [43]
    assert snap.gic.kind == ("gic-v3" if n < 17 else "gic-v3-its")


@EACH
def test_the_release_is_among_those_that_the_shape_tells(name: str, opened: Opened) -> None:
    tag = name.partition("-")[0]
    snap = opened(name)
    first, last = (RELEASES.index(t) for t in (snap.origin.first, snap.origin.last))
    assert snap.origin.unrecognised == ()
    assert snap.origin.against == ()
    assert first <= RELEASES.index(tag) <= last


def test_every_kind_of_vcpu_is_recognised(opened: Opened) -> None:
    kinds = {type(opened(name).vcpus[0]).__name__ for name in synthetic.SHAPES}
    assert kinds == {"KvmX86Vcpu", "KvmArm64Vcpu", "KvmRiscvVcpu", "MshvX86Vcpu", "MshvArm64Vcpu"}


def test_shapes_are_names_that_exist() -> None:
    assert set(synthetic.SHAPES) <= set(synthetic.NAMES)
