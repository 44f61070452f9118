"""The aarch64 clock against what the guest said shortly before the pause."""

import re
from datetime import datetime
from typing import Any

import pytest
from corpus import trimmed, truth

import snapfs
from snapfs.errors import CorruptState
from snapfs.snapshot.clock import read
from snapfs.snapshot.component import Component
from snapfs.tree import root

NAME = "v53.0-aarch64-linux"


def clock(value: Any) -> Any:
    return read(Component({"snapshots": {}, "snapshot_data": {"clock": value, "other": 0}}))


def test_counter_and_wall_clock_went_on_together_since_the_guest_read_them() -> None:
    said = re.search(r"clock realtime (\d+\.\d+) cntvct (\d+)", truth(NAME)["cpudump"])
    frequency = re.search(r"CNTFRQ_EL0 ([0-9a-f]+)", truth(NAME)["cpudump"])
    assert said
    assert frequency
    with snapfs.open(trimmed(NAME)) as snap:
        saved = snap.clock
        assert saved is not None
        assert saved.cntfrq == int(frequency[1], 16)  # type: ignore[attr-defined]
        counted = (saved.cntvct - int(said[2])) / saved.cntfrq  # type: ignore[attr-defined]
        assert saved.paused_ns is not None
        passed = saved.paused_ns / 1e9 - float(said[1])
    assert counted > 0
    assert abs(counted - passed) < 1  # the guest's clock is set to a second at its boot


def test_the_time_of_the_pause_is_a_date() -> None:
    with snapfs.open(trimmed(NAME)) as snap:
        text = (root(snap) / "clock/wall_clock").read_text().strip()
        nanoseconds = int((root(snap) / "clock/host_realtime_ns").read_text())
    whole, fraction = text.rstrip("Z").split(".")
    assert int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(fraction) == nanoseconds


def test_releases_that_saved_no_clock_have_none() -> None:
    with snapfs.open(trimmed("v38.0-aarch64-linux")) as snap:
        assert snap.clock is None
        assert "clock" not in root(snap).children


def test_a_clock_of_a_later_release_shows_its_own_keys() -> None:
    found = clock({"cntvct": 5, "epoch": 7})
    assert found.rest == {"epoch": 7}
    assert [f.name for f in found.facets()] == ["cntvct"]
    assert clock({"ticks": 5}).rest == {"ticks": 5}


@pytest.mark.parametrize("key", ["cntvct", "cntfrq", "host_realtime_ns"])
@pytest.mark.parametrize("value", [-1, 1 << 64, "1", None, True])
def test_a_value_that_is_no_number_fails_alone(key: str, value: Any) -> None:
    found = clock({"cntvct": 5, "cntfrq": 5, "host_realtime_ns": 5, key: value})
    failed = []
    for facet in found.facets():
        try:
            facet.__get__(found, type(found))
        except CorruptState:
            failed.append(facet.name)
    assert key in failed
    assert len(failed) == 2


def test_a_frequency_of_zero_and_a_time_beyond_the_calendar_are_errors() -> None:
    found = clock({"cntvct": 5, "cntfrq": 0, "host_realtime_ns": (1 << 64) - 1})
    with pytest.raises(CorruptState, match="0 Hz"):
        _ = found.counted_ns
    assert found.wall_clock.startswith("2554-")
