"""The I/O APIC against what guests say in /proc/interrupts, and against the sample guest."""

import re
from typing import Any

import pytest
from corpus import X86, demo, trimmed, truth

import snapfs
from snapfs.errors import CorruptState
from snapfs.snapshot.component import Component
from snapfs.snapshot.ioapic import Ioapic
from snapfs.tree import root


def ioapic(entries: Any) -> Ioapic:
    return Ioapic(
        Component({"snapshots": {}, "snapshot_data": {"reg_entries": entries, "used_entries": [True], "apic_address": 5}}, "__ioapic")
    )


@pytest.mark.parametrize("name", X86)
def test_the_pins_in_use_are_those_of_proc_interrupts(name: str) -> None:
    said = re.findall(r"IO-APIC +(\d+)-(edge|fasteoi|level)", truth(name)["interrupts"])
    assert said
    with snapfs.open(trimmed(name)) as snap:
        assert snap.ioapic is not None
        pins = snap.ioapic.pins
        assert len(pins) == 24
        assert {n: p["trigger"] for n, p in pins.items() if not p["masked"]} == {n: "edge" if how == "edge" else "level" for n, how in said}
        # the legacy vectors of a guest are 0x20 to 0xef, and each vCPU has one interrupt per vector
        vectors = [(p["destination"], p["vector"]) for p in pins.values() if not p["masked"]]
        assert len(set(vectors)) == len(vectors)
        assert all(0x20 <= vector < 0xF0 for _, vector in vectors)


def test_the_sample_guest_routed_its_serial_port() -> None:
    facts = truth("demo")["ioapic"]
    with snapfs.open(demo()) as snap:
        assert snap.ioapic is not None
        for number, pin in snap.ioapic.pins.items():
            if number in facts:
                assert pin["vector"] == int(facts[number]["vector"], 16)
                assert pin["destination"] == facts[number]["dest"]
                assert pin["masked"] == facts[number]["masked"]
            else:
                assert pin["masked"]
        tree = root(snap)
        assert (tree / "ioapic/pins/4/vector").read_text() == "36\n"
        assert (tree / "ioapic/apic_address").read_text() == "0x00000000fee00000\n"
        lines = (tree / "ioapic.txt").read_text().splitlines()
        assert len(lines) == 25
        assert lines[5].split() == ["4", "0x0000000000000024", "36", "Fixed", "physical:0", "edge", "active-high", "enabled"]


def test_every_field_of_an_entry_is_decoded() -> None:
    entry = 0x31 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 0x12 << 49 | 0xFE << 56
    pin = ioapic([entry]).pins["0"]
    assert dict(pin) == {
        "entry": entry,
        "vector": 0x31,
        "delivery_mode": 1,
        "destination_mode": "logical",
        "destination": 0x12FE,
        "trigger": "level",
        "polarity": "active-low",
        "masked": True,
        "delivery_pending": True,
        "remote_irr": True,
        "used": True,
    }


@pytest.mark.parametrize("entries", [None, {}, "x"])
def test_entries_that_are_no_list_are_an_error_and_the_rest_reads(entries: Any) -> None:
    found = ioapic(entries)
    with pytest.raises(CorruptState, match="reg_entries"):
        _ = found.pins
    assert found.apic_address == 5


@pytest.mark.parametrize("entry", [None, -1, 1 << 64, "1"])
def test_an_entry_that_is_no_number_fails_alone(entry: Any) -> None:
    found = ioapic([entry, 1 << 16])
    with pytest.raises(CorruptState, match="reg_entries/0"):
        _ = found.pins["0"]
    assert found.pins["1"]["masked"]


@pytest.mark.parametrize("release", [n for n in X86 if not n.startswith("v16")])
def test_the_cpuid_template_describes_the_processor_of_the_vcpus(release: str) -> None:
    with snapfs.open(trimmed(release)) as snap:
        common, first = snap.common_cpuid, snap.vcpus[0].cpuid  # type: ignore[attr-defined]
        assert common is not None
        for name in ("vendor", "brand", "family", "model", "stepping", "hypervisor", "hypervisor_features", "linear_address_bits"):
            assert common[name] == first[name]
        # a vCPU's own leaves have more: its place among the others
        assert set(common.features) <= set(first.features)
        assert set(common.leaves) <= set(first.leaves)
        assert (root(snap) / "vcpus/common_cpuid/vendor").read_text() == "AuthenticAMD\n"
