"""The interrupt controller against /proc/interrupts, and in every form in which releases saved it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from corpus import ARM, trimmed, truth

import snapfs
from snapfs.errors import CorruptState
from snapfs.snapshot.component import Component
from snapfs.snapshot.gic import Gic, component
from snapfs.tree import root


def gic_lines(name: str) -> dict[int, tuple[str, str]]:
    """Number -> trigger and user of the interrupts that /proc/interrupts gives to the GIC itself."""
    found = re.finditer(r"GICv3 +(\d+) (Edge|Level) +(\S+)", truth(name)["interrupts"])
    return {int(m[1]): (m[2].lower(), m[3]) for m in found}


def saved_state(name: str = "v53.0-aarch64-linux") -> dict[str, Any]:
    with snapfs.open(trimmed(name)) as snap:
        node = component(snap.machine)
        assert node is not None
        state: dict[str, Any] = node.data
        return state.get("Kvm", state)


def read(state: Any, *path: str) -> Gic:
    node: Any = {"snapshots": {}, "snapshot_data": list(json.dumps(state).encode())}
    for key in reversed(path):
        node = {"snapshots": {key: node}, "snapshot_data": None}
    found = component(Component(node))
    assert found is not None
    return Gic(found, dict)


@pytest.mark.parametrize("name", ARM)
def test_shared_interrupts_that_linux_uses_are_enabled_with_its_trigger(name: str) -> None:
    said = {n: trigger for n, (trigger, _) in gic_lines(name).items() if n >= 32}
    assert said
    with snapfs.open(trimmed(name)) as snap:
        assert snap.gic is not None
        spis = snap.gic.spis
        assert {n: spis[n].trigger for n in said} == said
        assert all(spis[n].enabled for n in said)
        # what is enabled and not in /proc/interrupts is the GPIO controller's cascade, whose handler Linux does not count
        assert {n for n, i in spis.items() if i.enabled} - set(said) <= {41}


@pytest.mark.parametrize("name", ARM)
def test_private_interrupts_that_linux_uses_are_enabled(name: str) -> None:
    said = {n for n in gic_lines(name) if n < 32}
    with snapfs.open(trimmed(name)) as snap:
        assert snap.gic is not None
        private = snap.gic.per_vcpu[0].private
        assert {n for n, i in private.items() if i.enabled and n >= 16} == said
        # Linux uses the first eight SGIs as its IPIs
        assert {n for n, i in private.items() if i.enabled and n < 16} == set(range(8))


@pytest.mark.parametrize("name", ARM)
def test_the_controllers_tables_are_in_guest_ram(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        assert snap.gic is not None
        ram = snap.memory.ranges[0]
        addresses = re.findall(
            r"PA=(0x[0-9a-f]+)", (root(snap) / "gic/its.txt").read_text() + (root(snap) / "gic/redistributors.txt").read_text()
        )
    assert len(addresses) == 1 + 2 + 2 * 2  # command queue, devices and collections, properties and pending bits of each vCPU
    assert all(ram.start <= int(a, 16) < ram.end for a in addresses)


@pytest.mark.parametrize("name", ARM)
def test_values_that_were_copied_from_vcpu_0_are_told(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        assert snap.gic is not None
        pending = [r["GICR_PENDBASER"] for r in snap.gic.redistributors.values()]
        assert pending[0] == pending[1]  # no two processors share a pending table: one of them was not saved
        assert "same as those of vCPU 0" in (root(snap) / "gic/remarks.txt").read_text()
        lines = [line.split(maxsplit=9) for line in (root(snap) / "gic/interrupts.txt").read_text().splitlines()]
    timer = ["27", "PPI", "1", "yes", "no", "no", "1", "level", "0xc0", "virtual timer (vCPU 0's values)"]
    assert timer in lines


def test_values_that_differ_are_not_called_copies() -> None:
    state = saved_state()
    state["rdist"][7 + 4] += 0x10000  # vCPU 1's GICR_PENDBASER
    gic = read({"Kvm": state}, "device-manager", "gic-v3-its")
    assert not gic.copied
    assert "same as" not in gic.remarks


def test_equal_values_of_releases_before_the_bug_are_not_called_copies() -> None:
    assert not read(saved_state(), "gic-v3-its").copied


def test_the_state_is_found_wherever_a_release_put_it() -> None:
    state = saved_state()
    for found in (
        read(state, "gic-v3-its"),
        read(state, "device-manager", "gic-v3-its"),
        read({"Kvm": state}, "device-manager", "gic-v3-its"),
    ):
        assert found.spis[43].trigger == "edge"
        assert found.kind == "gic-v3-its"


def test_before_the_its_the_redistributors_frame_begins_with_its_control_register() -> None:
    state = saved_state()
    old = {k: v for k, v in state.items() if not k.startswith("its_")}
    with_its, without = read(state, "gic-v3-its"), read(old, "gic-v3")
    vcpus = range(2)
    assert [without.redistributors[n]["GICR_CTLR"] for n in vcpus] == [state["rdist"][7 * n] for n in vcpus]
    assert [with_its.redistributors[n]["GICR_CTLR"] for n in vcpus] == [state["rdist"][7 * n + 6] for n in vcpus]
    assert not any(f.name == "its" for f in without.facets())


def test_a_controller_of_mshv_has_no_registers_and_says_so() -> None:
    gic = read({"MshvGicV2M": {}}, "device-manager", "gic-v3-its")
    assert [f.name for f in gic.facets()] == ["kind", "remarks.txt"]
    assert gic.kind == "MshvGicV2M"
    assert "no registers in the snapshot" in gic.remarks


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dist", [0] * 5),
        ("dist", None),
        ("rdist", [0] * 25),
        ("rdist", [1 << 32] * 48),
        ("icc", [0] * 17),
        ("icc", "x"),
        ("dist", [True] * 244),
    ],
)
def test_vectors_that_no_controller_has_fail_alone(key: str, value: Any) -> None:
    gic = read({**saved_state(), key: value}, "gic-v3-its")
    failed = set()
    for facet in gic.facets():
        try:
            facet.__get__(gic, Gic)
        except CorruptState:
            failed.add(facet.name)
    assert failed
    assert failed < {"distributor", "spis", "redistributors", "cpu_interfaces", "remarks.txt"}


def test_a_state_that_is_no_object_is_an_error_file_in_the_tree(tmp_path: Path) -> None:
    source = trimmed("v53.0-aarch64-linux")
    state = json.loads((source / "state.json").read_text())
    state["snapshots"]["device-manager"]["snapshots"]["gic-v3-its"]["snapshot_data"] = {"state": "[1]"}
    (tmp_path / "state.json").write_text(json.dumps(state))
    with snapfs.open(tmp_path) as snap:
        assert list((root(snap) / "gic").children) == ["ERROR"]  # type: ignore[attr-defined]
