"""The directory of the offload daemon: a shape of its own, made here from the sample (no real one was to be had)."""

import json
import shutil
from pathlib import Path

import pytest
from corpus import demo

import snapfs
from snapfs.errors import AddressError


@pytest.fixture
def offloaded(tmp_path: Path) -> Path:
    source = demo()
    state = json.loads((source / "state.json").read_text())
    manager = json.loads(state["snapshots"]["memory-manager"]["snapshot_data"]["state"])
    manager["guest_ram_mappings"] = [
        {"slot": 3, "gpa": 0, "size": 8 << 20, "zone_id": "mem0", "virtio_mem": False, "file_offset": 0},
        {"slot": 7, "gpa": 8 << 20, "size": 8 << 20, "zone_id": "mem0", "virtio_mem": False, "file_offset": 4096},
    ]
    configuration = {"vm_config": json.loads((source / "config.json").read_text()), "common_cpuid": [], "memory_manager_data": manager}
    (tmp_path / "migration_config.json").write_text(json.dumps(configuration))
    shutil.copy(source / "state.json", tmp_path)
    memory = (source / "memory-ranges").read_bytes()
    (tmp_path / "memory-3").write_bytes(memory[: 8 << 20])
    (tmp_path / "memory-7").write_bytes(bytes(4096) + memory[8 << 20 :])
    return tmp_path


def test_configuration_registers_and_memory_read_as_from_any_snapshot(offloaded: Path) -> None:
    with snapfs.open(offloaded) as moved, snapfs.open(demo()) as original:
        assert moved.problems == []
        assert moved.config.payload == original.config.payload
        assert moved.vcpus[1].regs.rax == 0x1111AAAA00000001
        assert moved.memory.physical.pread(0, 16 << 20) == original.memory.physical.pread(0, 16 << 20)
        assert moved.origin.first == "v53.0"


def test_a_missing_slot_is_said_and_the_others_read(offloaded: Path) -> None:
    (offloaded / "memory-7").unlink()
    with snapfs.open(offloaded) as snap:
        assert any("memory-7" in problem for problem in snap.problems)
        assert len(snap.memory.read(0x1000, 64)) == 64
        with pytest.raises(AddressError):
            snap.memory.read(9 << 20, 1)
