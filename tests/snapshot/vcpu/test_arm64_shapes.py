"""The forms in which releases have saved one and the same aarch64 vCPU: transformed from a real one, as section by section of
Cloud Hypervisor's history tells; SVE is synthetic, with the ids of arch/arm64/include/uapi/asm/kvm.h."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Ram, write
from corpus import trimmed
from hypothesis import given
from hypothesis import strategies as st

import snapfs
from snapfs.errors import CorruptState
from snapfs.formats.kvm_arm64 import KvmRegs, cache_selector, register_name, sve_register
from snapfs.snapshot.vcpu import Vcpu
from snapfs.tree import root

SPINNER = 1
LOW = (1 << 64) - 1
SVE = 0x6 << 60 | 0x15 << 16


def payload(name: str = "v38.0-aarch64-linux") -> dict[str, Any]:
    with snapfs.open(trimmed(name)) as snap:
        return copy.deepcopy(dict(snap.vcpus[SPINNER].source))


def vcpu(path: Path, keys: Any, era: Any = "C") -> Any:
    found: Vcpu = snapfs.open(write(path, Machine(era, [keys], [Ram(0x40000000, 4096)]))).vcpus[0]
    return found


def of_v18() -> dict[str, Any]:
    """v0.11 to v18: vector registers as `[low, 0]`, MPIDR on its own, no tag."""
    keys = payload()
    vregs = keys["core_regs"]["fp_regs"]["vregs"]
    vregs[:] = [[v & LOW, 0] for v in vregs]
    return keys | {"mpidr": 0x80000001}


def of_v25() -> dict[str, Any]:
    """v19 to v25: vector registers as one number of which the upper half was lost."""
    keys = payload()
    vregs = keys["core_regs"]["fp_regs"]["vregs"]
    vregs[:] = [v & LOW for v in vregs]
    return keys | {"mpidr": 0x80000001}


@pytest.mark.parametrize("old", [of_v18, of_v25])
def test_old_releases_lost_the_upper_halves_and_it_is_said(tmp_path: Path, old: Any) -> None:
    found = vcpu(tmp_path, old(), "B")
    whole = vcpu(tmp_path / "whole", {"Kvm": payload()})
    assert found.fpsimd.v3 == whole.fpsimd.v3 & LOW
    assert found.fpsimd.v3 != whole.fpsimd.v3
    assert "upper halves are lost" in found.remarks
    assert "upper halves" not in whole.remarks
    assert found.regs == whole.regs
    assert (found.mpidr, found.affinity, found.rest) == (0x80000001, "0.0.0.1", {})


def test_struct_as_bytes_and_as_object_are_the_same_registers(tmp_path: Path) -> None:
    old, new = payload("v38.0-aarch64-linux"), payload("v53.0-aarch64-linux")
    assert isinstance(old["core_regs"], dict)
    assert isinstance(new["core_regs"], list)
    by_object, by_bytes = vcpu(tmp_path / "old", {"Kvm": old}), vcpu(tmp_path / "new", {"Kvm": new}, "D")
    for n in range(31):
        assert getattr(by_object.regs, f"x{n}") == getattr(by_bytes.regs, f"x{n}")
    assert KvmRegs.decode(bytes(new["core_regs"])).encode() == bytes(new["core_regs"])


def test_a_longer_struct_of_a_later_kernel_reads(tmp_path: Path) -> None:
    keys = payload("v53.0-aarch64-linux")
    found = vcpu(tmp_path, {"Kvm": {**keys, "core_regs": keys["core_regs"] + [7] * 16, "gcs": {"gcspr": 5}}}, "D")
    assert found.regs.pc == 0x400A04
    assert found.rest == {"gcs": {"gcspr": 5}}
    assert "16 bytes behind the struct" in found.remarks


@pytest.mark.parametrize(("mp_state", "words"), [(0, "running"), (5, "stopped"), (10, "suspended"), (77, "mp_state 77")])
def test_a_vcpu_runs_or_not_as_mp_state_says(tmp_path: Path, mp_state: int, words: str) -> None:
    for i, form in enumerate(({"mp_state": mp_state}, [mp_state, 0, 0, 0])):
        assert vcpu(tmp_path / str(i), {"Kvm": payload() | {"mp_state": form}}).running == words


@pytest.mark.parametrize(
    ("pstate", "mode", "privilege", "user", "stack"),
    [
        (0x0, "AArch64", "EL0", True, "sp"),
        (0x4, "AArch64", "EL1", False, "sp"),
        (0x5, "AArch64", "EL1", False, "sp_el1"),
        (0x9, "AArch64", "EL2", False, None),
        (0x10, "AArch32", "EL0", True, "x13"),
        (0x13, "AArch32", "EL1", False, "x13"),
    ],
)
def test_the_exception_level_and_its_stack_follow_from_pstate(
    tmp_path: Path, pstate: int, mode: str, privilege: str, user: bool, stack: str | None
) -> None:
    keys = payload()
    keys["core_regs"]["regs"]["pstate"] = pstate
    found = vcpu(tmp_path, {"Kvm": keys})
    assert (found.mode, found.privilege, found.in_user_mode) == (mode, privilege, user)
    assert found.sp == (getattr(found.regs, stack) if stack else None)


@pytest.mark.parametrize("keys", [{"sys_regs": []}, {"mpidr": -1}, {"mpidr": "0"}, {"mpidr": None}])
def test_an_affinity_that_was_not_saved_is_no_number(tmp_path: Path, keys: Any) -> None:
    found = vcpu(tmp_path, {"Kvm": payload() | keys})
    for name in ("mpidr", "affinity"):
        with pytest.raises(CorruptState):
            getattr(found, name)
    summary = (root(snapfs.open(tmp_path)) / "vcpus/0/summary.txt").read_text()
    assert ["affinity", "?"] in [line.split() for line in summary.splitlines()]


# ---- SVE


def with_sve(*, lengths: int = 0b1011, zcr: int = 2) -> dict[str, Any]:
    """A vCPU with vectors of 128, 256 and 512 bits, byte j of z<n> being (n + j) & 255 up to the vector's end, as v53 saves it."""
    keys = payload("v53.0-aarch64-linux")
    core = bytearray(keys["core_regs"])
    core[336:848] = bytes(512)
    z = {SVE | 8 << 52 | n << 5: bytes((n + j) & 255 if j < 64 else 0 for j in range(256)) for n in range(32)}
    p = {SVE | 5 << 52 | 0x400 | n << 5: bytes([n] * 8 + [0] * 24) for n in range(16)}
    ffr = {SVE | 5 << 52 | 0x600: b"\xff" * 8 + bytes(24)}
    return keys | {
        "core_regs": list(core),
        "sys_regs": [*keys["sys_regs"], list((0x603000000013C090).to_bytes(8, "little") + zcr.to_bytes(8, "little"))],
        "pre_finalize_regs": [{"id": SVE | 6 << 52 | 0xFFFF, "data": list(lengths.to_bytes(64, "little"))}],
        "extended_regs": [{"id": reg, "data": list(data)} for reg, data in {**z, **p, **ffr}.items()],
    }


def test_scalable_registers_are_as_wide_as_the_largest_vector_length(tmp_path: Path) -> None:
    found = vcpu(tmp_path, {"Kvm": with_sve()}, "D")
    tree = root(snapfs.open(tmp_path))
    assert (tree / "vcpus/0/sve/vl").read_text() == "64\n"
    assert (tree / "vcpus/0/sve/vector_lengths").read_text() == "16\n32\n64\n"
    assert (tree / "vcpus/0/sve/current_vl").read_text() == "32\n"  # ZCR_EL1.LEN allows 48 bytes, which the CPU does not have
    z5 = bytes((5 + j) & 255 for j in range(64))
    assert (tree / "vcpus/0/sve/z5").read_text() == f"0x{int.from_bytes(z5, 'little'):0128x}\n"
    assert (tree / "vcpus/0/sve/p3").read_text() == "0x0303030303030303\n"
    assert (tree / "vcpus/0/sve/ffr").read_text() == "0xffffffffffffffff\n"
    assert list(found.sve) == ["vl", "current_vl", "vector_lengths", *(f"z{n}" for n in range(32)), *(f"p{n}" for n in range(16)), "ffr"]


def test_with_sve_the_vector_registers_are_the_low_ends_of_the_scalable_ones(tmp_path: Path) -> None:
    found = vcpu(tmp_path, {"Kvm": with_sve()}, "D")
    assert found.fpsimd.v5 == int.from_bytes(bytes(range(5, 21)), "little")
    assert found.fpsimd.fpcr == 1 << 24
    assert "low 128 bits of sve/z" in found.remarks
    assert found.rest == {}


def test_without_sve_there_is_no_such_directory(tmp_path: Path) -> None:
    found = vcpu(tmp_path, {"Kvm": payload("v53.0-aarch64-linux")}, "D")
    assert "sve" not in [f.name for f in found.facets()]
    assert found.rest == {}


def test_content_beyond_the_vector_length_is_not_hidden(tmp_path: Path) -> None:
    keys = with_sve(lengths=1)
    found = vcpu(tmp_path, {"Kvm": keys}, "D")
    text = (root(snapfs.open(tmp_path)) / "vcpus/0/sve/z1").read_text().strip()
    assert found.sve["vl"] == 16
    assert len(text) == 2 + 2 * 256


def test_extended_registers_of_other_kinds_are_shown_by_id(tmp_path: Path) -> None:
    keys = with_sve()
    keys["extended_regs"].append({"id": 0x6060000000170001, "data": [1, 2, 3]})
    vcpu(tmp_path, {"Kvm": keys}, "D")
    assert (root(snapfs.open(tmp_path)) / "vcpus/0/sve/0x6060000000170001").read_text() == "010203\n"


@pytest.mark.parametrize("broken", [5, [5], [{"id": "x"}], [{"id": 1}], [{"id": 1, "data": [999]}]])
def test_sve_state_that_cannot_be_read_leaves_the_general_registers(tmp_path: Path, broken: Any) -> None:
    found = vcpu(tmp_path, {"Kvm": {**with_sve(), "extended_regs": broken}}, "D")
    assert found.regs.pc == 0x400A04
    with pytest.raises(CorruptState):
        _ = found.sve


# ---- ids


def test_a_register_that_is_listed_twice_is_shown_twice(tmp_path: Path) -> None:
    keys = payload()
    keys["sys_regs"] = [{"id": 0x603000000013C080, "addr": 1}, {"id": 0x603000000013C080, "addr": 2}]
    found = vcpu(tmp_path, {"Kvm": keys})
    assert dict(found.sysregs) == {"SCTLR_EL1": 1, "SCTLR_EL1#2": 2}


@given(st.integers(0, (1 << 64) - 1))
def test_every_id_has_a_name_and_no_id_breaks_anything(reg: int) -> None:
    assert register_name(reg)
    assert cache_selector(reg) is None or 0 <= cache_selector(reg) < 256  # type: ignore[operator]
    assert sve_register(reg) is None or len(sve_register(reg)) == 2  # type: ignore[arg-type]


@given(st.binary(min_size=864, max_size=864))
def test_the_core_registers_round_trip(data: bytes) -> None:
    assert KvmRegs.decode(data).encode() == data


@given(st.lists(st.integers(0, (1 << 128) - 1), min_size=32, max_size=32))
def test_vector_registers_read_alike_from_every_form(values: list[int]) -> None:
    core = payload_core()
    whole, halves, octets = copy.deepcopy(core), copy.deepcopy(core), copy.deepcopy(core)
    whole["fp_regs"]["vregs"] = values
    halves["fp_regs"]["vregs"] = [[v & LOW, v >> 64] for v in values]
    octets["fp_regs"]["vregs"] = [list(v.to_bytes(16, "little")) for v in values]
    assert [KvmRegs.read(json.loads(json.dumps(c))).fp_regs.vregs for c in (whole, halves, octets)] == [tuple(values)] * 3


def payload_core() -> dict[str, Any]:
    zeros = {"regs": [0] * 31, "sp": 0, "pc": 0, "pstate": 0}
    return {"regs": zeros, "sp_el1": 0, "elr_el1": 0, "spsr": [0] * 5, "fp_regs": {"vregs": [], "fpsr": 0, "fpcr": 0, "__reserved": [0, 0]}}


def test_a_register_that_is_listed_very_often_takes_no_long_time(tmp_path: Path) -> None:
    keys = payload()
    keys["sys_regs"] = [{"id": 0x603000000013C080, "addr": n} for n in range(20_000)]
    found = vcpu(tmp_path, {"Kvm": keys})
    before = time.process_time()
    assert len(found.sysregs) == 20_000
    assert time.process_time() - before < 3
