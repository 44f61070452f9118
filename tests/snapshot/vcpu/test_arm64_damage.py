"""Payloads of aarch64 and riscv64 vCPUs, and interrupt controllers, that are damaged or from the future: whatever is in them, each
file reads or fails with an error of ours, and listing never fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vcpu_payloads
from builders import Machine, Node, Ram, write
from corpus import trimmed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import snapfs
from snapfs.errors import SnapfsError
from snapfs.snapshot.gic import component
from snapfs.tree import root
from snapfs.tree.nodes import Dir, File

PAYLOADS = {
    "v18": vcpu_payloads.arm64(18),
    "v38": vcpu_payloads.arm64(38),
    "v53": vcpu_payloads.arm64(53),
    "mshv": vcpu_payloads.arm64_mshv(),
    "riscv64": vcpu_payloads.riscv64(),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([-1, 256, 1 << 32, 1 << 64, (1 << 64) - 1]),
    st.text(max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2))


def gic_state() -> Any:
    with snapfs.open(trimmed("v53.0-aarch64-linux")) as snap:
        node = component(snap.machine)
        assert node is not None
        return node.data


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """A value with one thing in it replaced, left out or added."""
    found = copy.deepcopy(whole)
    here = found
    for _ in range(draw(st.integers(0, 5))):
        inside = [k for k, v in (here.items() if isinstance(here, dict) else enumerate(here)) if isinstance(v, dict | list) and v]
        if not inside:
            break
        here = here[draw(st.sampled_from(inside))]
    keys = list(here) if isinstance(here, dict) else list(range(len(here)))
    key = draw(st.sampled_from(keys))
    how = draw(st.sampled_from(["replace", "remove", "add", "cut"]))
    if how == "replace":
        here[key] = draw(VALUES)
    elif how == "remove":
        del here[key]
    elif how == "cut" and isinstance(here, list):
        del here[draw(st.integers(0, len(here))) :]
    elif isinstance(here, dict):
        here[draw(st.text(max_size=4))] = draw(VALUES)
    else:
        here.insert(key, draw(VALUES))
    return found


def read(node: Dir, where: str = "") -> Iterator[str]:
    """All files that read; a file that fails does so with an error of ours."""
    for name, child in node.children.items():
        if isinstance(child, Dir):
            yield from read(child, f"{where}/{name}")
        elif isinstance(child, File) and not child.huge and not child.streamed:
            try:
                child.read_bytes()
            except SnapfsError:
                continue
            yield f"{where}/{name}"


def everything(path: Path, payload: Any, gic: Any = None) -> set[str]:
    devices = {"gic-v3-its": Node(gic)} if gic is not None else {}
    with snapfs.open(write(path, Machine("D", [payload], [Ram(0x40000000, 4096)], devices=devices))) as snap:
        tree = root(snap)
        found = set(read(tree / "vcpus", "/vcpus"))  # type: ignore[arg-type]
        if gic is not None:
            found |= set(read(tree / "gic", "/gic"))  # type: ignore[arg-type]
        json.dumps((tree / "vcpus").to_json())
        return found | {name for name in ("summary.txt", "summary.json") if (tree / name).read_text()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", PAYLOADS)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_vcpu_never_fails_but_with_an_error_of_ours(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    found = everything(tmp_path, data.draw(damaged(PAYLOADS[kind])))
    assert {"summary.txt", "summary.json", "/vcpus/vcpus.txt"} <= found


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_interrupt_controller_never_fails_but_with_an_error_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    found = everything(tmp_path, PAYLOADS["v53"], data.draw(damaged(gic_state())))
    assert any(name.startswith("/gic/") for name in found)


def test_a_future_release_shows_what_it_has(tmp_path: Path) -> None:
    keys = copy.deepcopy(PAYLOADS["v53"]["Kvm"])
    future = {
        "Gunyah": {
            **keys,
            "core_regs": keys["core_regs"] + [1] * 64,
            "sys_regs": [*keys["sys_regs"], [9] * 16, list((0x6030000000170001).to_bytes(8, "little") + bytes(8))],
            "sme_state": {"svcr": 3, "za": [1, 2, 3]},
        }
    }
    with snapfs.open(write(tmp_path, Machine("D", [future]))) as snap:
        tree = root(snap)
        assert (tree / "vcpus/0/regs/pc").read_text() == "0x0000000000400a04\n"
        assert (tree / "vcpus/0/sme_state/svcr").read_text() == "3\n"
        assert (tree / "vcpus/0/sysregs/0x0909090909090909").read_text() == "0x0909090909090909\n"
        assert (tree / "vcpus/0/sysregs/0x6030000000170001").read_text() == f"0x{0:016x}\n"
        assert "Gunyah" in (tree / "summary.txt").read_text()
