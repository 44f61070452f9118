"""x86_64 payloads of other releases, made up and damaged: what is sound reads, what is not fails alone."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, write
from corpus import FIXTURES, trimmed
from hypothesis import given, settings
from hypothesis import strategies as st

import snapfs
from snapfs.errors import SnapfsError
from snapfs.snapshot.component import Component
from snapfs.snapshot.vcpu import read
from snapfs.tree import root
from snapfs.tree.nodes import Dir, File, Node


def payload(name: str) -> dict[str, Any]:
    """The payload of vCPU 0 of a real snapshot."""
    with snapfs.open(trimmed(name)) as snap:
        found: dict[str, Any] = copy.deepcopy(dict(snap.vcpus[0].source))
    return found


def texts(node: Node, path: str = "") -> Iterator[tuple[str, str]]:
    """Every file below a node with its content, or the sentence that says why it has none."""
    if isinstance(node, Dir):
        for name, child in node.children.items():
            yield from texts(child, f"{path}/{name}")
    elif isinstance(node, File):
        try:
            yield path, node.read_text()
        except SnapfsError as error:
            yield path, f"EIO: {error}"


def tree_of(tmp_path: Path, saved: Any, era: Any = "D") -> dict[str, str]:
    with snapfs.open(write(tmp_path / "machine", Machine(era, [saved]))) as snap:
        return dict(texts(root(snap) / "vcpus/0"))


def without_raw(files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if not path.startswith("/raw/")}


def test_payloads_of_the_first_releases_have_no_cpuid_and_read_all_the_same(tmp_path: Path) -> None:
    saved = payload("v16.0-x86_64-small")
    del saved["cpuid"]
    files = tree_of(tmp_path, saved, "A")
    assert files["/regs/rip"] == "0xffffffff813186ab\n"
    assert files["/fpu/fcw"].startswith("0x")
    assert not [path for path, text in files.items() if path.startswith("/cpuid") or "EIO" in text]


def test_longer_structs_of_a_later_release_show_what_is_known_and_what_is_behind(tmp_path: Path) -> None:
    saved = payload("v53.0-x86_64-small")
    before = without_raw(tree_of(tmp_path / "before", {"Kvm": saved}))
    for key in ("regs", "sregs", "xcrs", "vcpu_events", "mp_state"):
        saved[key] = [*saved[key], 1, 2, 3, 4]
    saved["lapic_state"]["regs"] += [5] * 64
    saved["pmu"] = {"events": [1, 2], "mode": "shared"}
    after = without_raw(tree_of(tmp_path / "after", {"Kvm": saved}))
    assert after["/regs/trailing"] == "01020304\n"
    assert after["/pmu/mode"] == "shared\n"
    new = {"/pmu", "/regs/trailing", "/sregs/trailing", "/events/trailing"}
    assert {path: text for path, text in after.items() if before.get(path) != text} == {
        path: text
        for path, text in after.items()
        if path.startswith(tuple(new)) or path in ("/pmu.txt", "/regs.txt", "/sregs.txt", "/events.txt")
    }


def test_lists_that_became_bytes_read_as_lists_did(tmp_path: Path) -> None:
    saved = payload("v53.0-x86_64-small")
    before = without_raw(tree_of(tmp_path / "before", {"Kvm": saved}))
    u32, u64 = (lambda v: list(v.to_bytes(4, "little"))), (lambda v: list(v.to_bytes(8, "little")))
    msrs = saved["msrs"]
    saved["msrs"] = u64(len(msrs)) + [b for m in msrs for b in (*u32(m["index"]), 0, 0, 0, 0, *u64(m["data"]))]
    names = ("function", "index", "flags", "eax", "ebx", "ecx", "edx")
    saved["cpuid"] = [[b for name in names for b in u32(entry[name])] + [0] * 12 for entry in saved["cpuid"]]
    assert without_raw(tree_of(tmp_path / "after", {"Kvm": saved})) == before


def test_a_group_that_is_cut_keeps_the_names_and_the_values_before_the_cut(tmp_path: Path) -> None:
    saved = payload("v53.0-x86_64-small")
    saved["regs"] = saved["regs"][:140]
    files = tree_of(tmp_path, {"Kvm": saved})
    assert files["/regs/rip"] == "0xffffffff813186ab\n"
    assert files["/regs/rflags"].startswith("EIO: ")
    assert "140 bytes where KvmRegs needs 144" in files["/regs/rflags"]
    assert re.search(r"^rflags +ERROR .*140 bytes", files["/regs.txt"], re.MULTILINE)
    assert files["/sregs/cr4"].startswith("0x")
    assert "\nrip           0xffffffff813186ab\n" in files["/summary.txt"]
    assert re.search(r"^mode +\?$", files["/summary.txt"], re.MULTILINE)


def test_a_register_that_is_no_number_fails_alone(tmp_path: Path) -> None:
    saved = payload("v16.0-x86_64-small")
    saved["regs"]["rax"] = "garbage"
    saved["sregs"]["cs"]["base"] = None
    files = tree_of(tmp_path, saved, "B")
    assert files["/regs/rax"].startswith("EIO: ")
    assert files["/regs/rbx"].startswith("0x")
    assert files["/sregs/cs/base"].startswith("EIO: ")
    assert files["/sregs/cs/selector"].startswith("0x")


def test_a_leaf_that_is_no_json_keeps_its_bytes_and_spares_its_siblings(tmp_path: Path) -> None:
    state = json.loads((FIXTURES / "v53.0-x86_64-small/state.json").read_text())
    leaf = state["snapshots"]["cpu-manager"]["snapshots"]["0"]["snapshot_data"]
    leaf["state"] = leaf["state"][:100]
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "config.json").write_text("{}")
    with snapfs.open(tmp_path) as snap:
        tree = root(snap)
        assert set((tree / "vcpus/0").children) == {"ERROR", "raw"}  # type: ignore[attr-defined]
        assert (tree / "vcpus/0/raw/payload").read_text() == leaf["state"]
        assert (tree / "vcpus/1/regs/rax").read_text() == "0x1111aaaa00000001\n"
        assert "?" in (tree / "vcpus/vcpus.txt").read_text().splitlines()[1]


SAMPLES = {name: payload(name) for name in ("v16.0-x86_64-small", "v53.0-x86_64-small")}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A real payload with some values replaced, cut, or dropped."""
    saved = copy.copy(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for key in draw(st.sets(st.sampled_from(sorted(saved)), min_size=1, max_size=4)):
        value, how = saved[key], draw(st.sampled_from(("drop", "replace", "cut", "inside")))
        if how == "drop":
            del saved[key]
        elif how == "cut" and isinstance(value, list):
            saved[key] = value[: draw(st.integers(0, len(value)))]
        elif how == "inside" and isinstance(value, dict) and value:
            saved[key] = {**value, draw(st.sampled_from(sorted(value))): draw(json_values)}
        elif how == "inside" and isinstance(value, list) and value:
            at = draw(st.integers(0, len(value) - 1))
            saved[key] = [*value[:at], draw(json_values), *value[at + 1 :]]
        else:
            saved[key] = draw(json_values)
    return saved


@settings(deadline=None, max_examples=25)
@given(damaged())
def test_damage_never_escapes_as_anything_but_an_error_of_ours(saved: dict[str, Any]) -> None:
    component = Component({"snapshots": {}, "snapshot_data": None}, "0")
    component.__dict__["wrapped"] = ("plain", {"Kvm": saved})
    from snapfs.tree import vcpus

    vcpu = read(0, component)
    files = dict(texts(Dir(lambda: vcpus._vcpu(vcpu))))
    assert "/summary.txt" in files or "/ERROR" in files


@pytest.mark.parametrize("value", [None, 5, "x", [], [[]], {}, {"Kvm": None}, {"Kvm": []}, {"Kvm": {}}, {"Other": {"sregs": []}}])
def test_payloads_of_any_shape_have_a_directory(tmp_path: Path, value: Any) -> None:
    with snapfs.open(write(tmp_path, Machine("D", [value]))) as snap:
        found = root(snap) / "vcpus/0"
        assert isinstance(found, Dir)
        assert found.children
        assert len((root(snap) / "vcpus/vcpus.txt").read_text().splitlines()) == 2
