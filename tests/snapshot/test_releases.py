"""The release is told from the shape alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from corpus import REAL, trimmed

import snapfs
from snapfs.formats.facts.schema import CONFIG, RELEASES
from snapfs.snapshot import config, releases


@pytest.mark.parametrize("name", REAL)
def test_the_release_in_the_name_is_among_the_likeliest(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        origin = snap.origin
    assert RELEASES.index(origin.first) <= RELEASES.index(name.split("-", maxsplit=1)[0]) <= RELEASES.index(origin.last)


@pytest.mark.parametrize("name", REAL)
def test_nothing_in_a_real_snapshot_is_unrecognised(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        assert snap.origin.unrecognised == ()
        assert snap.origin.against == ()


def _future(tmp_path: Path) -> Path:
    """A release that does not exist: renamed and new keys, a new device, longer structs."""
    source = trimmed("v53.0-x86_64-small")
    configuration = json.loads((source / "config.json").read_text())
    configuration["quantum"] = {"entangled": True}
    state = json.loads((source / "state.json").read_text())
    devices = state["snapshots"]["device-manager"]["snapshots"]
    devices["__teleporter"] = {"snapshots": {}, "snapshot_data": {"state": json.dumps({"target": "moon"})}}
    vcpu = state["snapshots"]["cpu-manager"]["snapshots"]["0"]["snapshot_data"]
    payload: dict[str, Any] = json.loads(vcpu["state"])
    payload["Kvm"]["regs"] += [0] * 64
    payload["Kvm"]["dreams"] = [1, 2]
    vcpu["state"] = json.dumps(payload)
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "memory-ranges").symlink_to(source / "memory-ranges")
    return tmp_path


def test_a_future_release_shows_what_it_has_and_says_what_is_new(tmp_path: Path) -> None:
    with snapfs.open(_future(tmp_path)) as snap:
        tree = snapfs.tree.root(snap)
        unrecognised = snap.origin.unrecognised
        assert (tree / "config/quantum/entangled").read_text() == "true\n"
        assert (tree / "state/device-manager/__teleporter/target").read_text() == "moon\n"
        assert (tree / "vcpus/0/dreams").read_text() == "1\n2\n"
        assert (tree / "vcpus/0/regs/rip").read_text().startswith("0x")
    assert "config/quantum" in unrecognised
    assert any("dreams" in place for place in unrecognised)
    assert any("__teleporter" in place for place in unrecognised)


def test_every_key_of_every_release_is_in_the_model() -> None:
    for full_name, (shape, fields) in CONFIG.items():
        name = full_name.partition(":")[0]
        if shape != "struct" or name in ("CommonConsoleConfig", "PciDeviceCommonConfig"):
            continue  # these two are flattened into their parents by serde
        assert fields.keys() <= getattr(config, name).model_fields.keys(), name


@pytest.mark.parametrize("name", REAL)
def test_a_real_configuration_is_typed_and_whole(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        typed = snap.config
        assert typed.memory.size == snap.config_json["memory"]["size"]
        assert not typed.model_extra


def test_nulls_that_v53_leaves_out_are_shown() -> None:
    with snapfs.open(trimmed("v53.0-x86_64-small")) as snap:
        assert "numa" not in snap.config_json
        assert (snapfs.tree.root(snap) / "config/numa").read_text() == "null\n"


def test_of_a_long_list_no_more_is_looked_at_than_tells_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trimmed("v53.0-x86_64-small")
    state = json.loads((source / "state.json").read_text())
    node = state["snapshots"]["memory-manager"]["snapshot_data"]
    table = json.loads(node["state"])
    table["memory_ranges"]["data"] = [{"gpa": n << 13, "length": 4096} for n in range(20_000)]
    node["state"] = json.dumps(table)
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    looked = 0
    clues = releases._clues

    def counted(*args: Any) -> Any:
        nonlocal looked
        looked += 1
        return clues(*args)

    monkeypatch.setattr(releases, "_clues", counted)
    with snapfs.open(tmp_path) as snap, snapfs.open(source) as original:
        origin = snap.origin
        assert looked < 20_000
        assert (origin.first, origin.last) == (original.origin.first, original.origin.last)
