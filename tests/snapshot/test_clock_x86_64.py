"""Clocks of x86_64 machines against the host's time just before the pause, and in every form that they have been saved in."""

import struct
from typing import Any

import pytest
from corpus import X86, trimmed

import snapfs
from snapfs.snapshot.clock import Clock, KvmClock, MshvClock, read
from snapfs.snapshot.component import Component
from snapfs.tree import root

# the host's `date +%s` just before each pause
PAUSED = {
    "v16.0-x86_64-small": 1795398532,
    "v28.0-x86_64-small": 1795396983,
    "v38.0-x86_64-small": 1795396586,
    "v39.0-x86_64-small": 1795398394,
    "v51.0-x86_64-linux61-hotplug": 1795396254,
    "v53.0-x86_64-linux612": 1795394832,
    "v53.0-x86_64-small": 1795395521,
}
NOW = 1795395521123456789


def clock(value: Any) -> Clock | None:
    return read(Component({"snapshots": {}, "snapshot_data": {"clock": value, "other": 0}}))


def struct_bytes(flags: int, realtime: int) -> list[int]:
    return list(struct.pack("<QIIQQ4I", 5_000_000_000, flags, 0, realtime, 77, 0, 0, 0, 0))


@pytest.mark.parametrize("name", X86)
def test_the_time_of_the_pause_is_the_hosts(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        assert snap.clock is not None
        assert snap.clock.paused_ns is not None
        assert 0 <= snap.clock.paused_ns / 1e9 - PAUSED[name] < 3
        known = (root(snap) / "clock/wall_clock_known_by").read_text()
    assert ("kernel says" in known) == name.startswith("v53")


@pytest.mark.parametrize(
    "saved",
    [
        {"clock": 5_000_000_000, "flags": 0, "pad": [0, NOW & 0xFFFFFFFF, NOW >> 32, 77, 0, 0, 0, 0, 0]},
        {"Kvm": {"clock": 5_000_000_000, "flags": 0, "pad": [0, NOW & 0xFFFFFFFF, NOW >> 32, 77, 0, 0, 0, 0, 0]}},
        {"Kvm": {"clock": 5_000_000_000, "flags": 0, "pad0": 0, "realtime": NOW, "host_tsc": 77, "pad": [0, 0, 0, 0]}},
        {"Kvm": struct_bytes(0, NOW)},
    ],
)
def test_every_form_tells_the_same(saved: Any) -> None:
    found = clock(saved)
    assert isinstance(found, KvmClock)
    assert (found.clock, found.flags, found.realtime, found.host_tsc) == (5_000_000_000, 0, NOW, 77)
    assert found.wall_clock == "2026-11-23T00:58:41.123456789Z"
    assert not found.rest


def test_padding_that_no_kernel_wrote_a_time_to_tells_none() -> None:
    for realtime in (0, 12345, (1 << 64) - 1):
        found = clock({"Kvm": struct_bytes(0, realtime)})
        assert found is not None
        assert found.paused_ns is None
        assert "wall_clock" not in [f.name for f in found.facets()]


def test_a_clock_without_the_later_fields_has_none() -> None:
    found = clock({"clock": 5, "flags": 0})
    assert isinstance(found, KvmClock)
    assert [f.name for f in found.facets()] == ["clock", "flags"]


def test_bytes_of_a_longer_struct_are_kept() -> None:
    found = clock({"Kvm": [*struct_bytes(14, NOW), 1, 2]})
    assert found is not None
    assert found.rest == {"trailing": b"\1\2"}


def test_the_microsoft_hypervisors_time_is_in_units_of_100_ns() -> None:
    found = clock({"Mshv": {"ref_time": 12_345}})
    assert isinstance(found, MshvClock)
    assert (found.ref_time, found.counted_ns) == (12_345, 1_234_500)
    assert clock("Mshv") is None
