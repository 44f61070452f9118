"""`vcpus/` at a glance, and what it says is not there."""

from pathlib import Path
from typing import Any

import pytest
from builders import Machine, write
from corpus import REAL, X86, demo, trimmed, truth

import snapfs
from snapfs.tree import Dir, root


def lines(snap: snapfs.Snapshot) -> list[list[str]]:
    return [line.split(maxsplit=6) for line in (root(snap) / "vcpus/vcpus.txt").read_text().splitlines()]


def test_the_sample_guests_vcpus_at_a_glance() -> None:
    facts = truth("demo")["vcpus"]
    with snapfs.open(demo()) as snap:
        heading, *found = lines(snap)
        assert " ".join(" ".join(heading).split()) == "# id mode ring rip cr3 state doing"
        for number, mode, ring, rip, cr3, state, _ in found:
            low, high = (int(a, 16) for a in facts[number]["rip_range"])
            assert low <= int(rip, 16) < high
            assert int(cr3, 16) == int(facts[number]["cr3"], 16)
            assert (mode, ring, state) == ("long", "0", "halted" if facts[number]["halted"] else "running")


@pytest.mark.parametrize("name", REAL)
def test_the_table_has_a_line_for_each_vcpu_and_agrees_with_the_directories(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        tree = root(snap)
        _, *found = lines(snap)
        assert [line[0] for line in found] == [str(n) for n in snap.vcpus]
        for line in found:
            register = "rip" if name in X86 else "pc"
            assert line[3] == (tree / f"vcpus/{line[0]}/regs/{register}").read_text().strip()


@pytest.mark.parametrize("name", X86)
def test_the_readme_says_what_cloud_hypervisor_does_not_save(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        text = (root(snap) / "vcpus/README").read_text()
        for word in ("DR0 to DR7", "PIC (8259)", "PIT (8254)", "fpu/mxcsr"):
            assert word in text
        assert "PIT" in (root(snap) / "README").read_text()


@pytest.mark.parametrize("name", REAL)
def test_raw_has_the_payload_as_it_was_saved(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        for number, vcpu in snap.vcpus.items():
            raw = root(snap) / f"vcpus/{number}/raw"
            assert isinstance(raw, Dir)
            assert set(raw.children) == {"payload", *vcpu.source}
            assert (raw / "payload").read_bytes() == vcpu.component.payload_bytes  # type: ignore[attr-defined]
            if isinstance(vcpu.source.get("regs"), list):
                assert (raw / "regs").read_bytes() == bytes(vcpu.source["regs"])  # type: ignore[attr-defined]


def test_a_struct_of_bytes_is_those_bytes_and_all_else_is_json(tmp_path: Path) -> None:
    saved: Any = {"Kvm": {"regs": [1, 2, 255], "tsc_khz": None, "msrs": [{"index": 16, "data": 5}], "wide": [1, 256], "flags": [True]}}
    with snapfs.open(write(tmp_path, Machine("D", [saved]))) as snap:
        raw = root(snap) / "vcpus/0/raw"
        read = {name: (raw / name).read_bytes() for name in saved["Kvm"]}  # type: ignore[operator]
    assert read == {
        "regs": b"\x01\x02\xff",
        "tsc_khz": b"null\n",
        "msrs": b'[{"index":16,"data":5}]\n',
        "wide": b"[1,256]\n",
        "flags": b"[true]\n",
    }


def test_vcpus_are_numbered_whatever_stands_before_the_number(tmp_path: Path) -> None:
    path = write(tmp_path, Machine("D", []))
    state = path / "state.json"
    text = state.read_text().replace(
        '"cpu-manager": {"snapshots": {}', '"cpu-manager": {"snapshots": {"vcpu-010": {}, "2": {}, "topology": {}}'
    )
    state.write_text(text)
    with snapfs.open(path) as snap:
        assert list(snap.vcpus) == [2, 10]
