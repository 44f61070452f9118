"""`snapfs diff`: differences that were made by hand are found, and nothing else."""

import json
import os
import shutil
import struct
import time

import corpus
import pytest


@pytest.fixture
def other(tmp_path):
    """A copy of the sample that may be changed."""
    place = tmp_path / "other"
    shutil.copytree(corpus.demo(), place)
    for file in place.iterdir():
        file.chmod(0o600)
    return place


def set_register(place, vcpu, at, value):
    """Changes eight bytes of a vCPU's `kvm_regs` in the state file: JSON in a string, the struct as a list of bytes."""
    path = place / "state.json"
    document = json.loads(path.read_text())
    leaf = document["snapshots"]["cpu-manager"]["snapshots"][vcpu]
    inner = json.loads(leaf["snapshot_data"]["state"])
    inner["Kvm"]["regs"][at : at + 8] = list(struct.pack("<Q", value))
    leaf["snapshot_data"]["state"] = json.dumps(inner)
    path.write_text(json.dumps(document))


def test_a_snapshot_does_not_differ_from_itself(run):
    answer = run("diff", corpus.demo(), corpus.demo())
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_register_is_one_line(run, other):
    set_register(other, "1", 0, 0xDEAD)  # rax comes first in struct kvm_regs
    answer = run("diff", corpus.demo(), other, "vcpus")
    assert (answer.code, answer.out) == (21, "vcpus/1/regs/rax: 0x1111aaaa00000001 -> 0x000000000000dead\n")
    assert run("diff", corpus.demo(), other).out == answer.out


def test_the_configuration_is_compared_by_field(run, other):
    config = json.loads((other / "config.json").read_text())
    config["cpus"]["boot_vcpus"] = 7
    config["added"] = {"a": 1}
    (other / "config.json").write_text(json.dumps(config))
    answer = run("diff", corpus.demo(), other, "config")
    assert answer.code == 21
    assert answer.out.splitlines() == ["config/cpus/boot_vcpus: 2 -> 7", "config/added: only in B: directory, 1 entries"]


def test_memory_is_compared_by_page(run, other):
    with (other / "memory-ranges").open("r+b") as memory:
        for page in (100, 101, 2000):
            memory.seek(page * 4096 + 17)
            old = memory.read(1)
            memory.seek(page * 4096 + 17)
            memory.write(bytes([old[0] ^ 1]))
    answer = run("diff", corpus.demo(), other)
    assert answer.code == 21
    assert answer.out.splitlines() == [
        "memory/physical: 0x0000000000064000-0x0000000000066000 2 pages",
        "memory/physical: 0x00000000007d0000-0x00000000007d1000 1 page",
        "memory: 3 of 4096 pages differ",
    ]
    found = json.loads(run("diff", corpus.demo(), other, "--json", "--pages", "1").out)
    assert found["memory"] == {
        "pages": 4096,
        "differ": 3,
        "runs": [
            {"path": "memory/physical", "start": "0x0000000000064000", "end": "0x0000000000066000", "pages": 2, "kind": "differs"},
        ],
        "runs_not_listed": 1,
    }


def test_memory_that_only_one_has_is_told(run, other):
    os.truncate(other / "memory-ranges", 8 << 20)
    answer = run("diff", corpus.demo(), other, "memory")
    assert answer.code == 21
    assert "memory/physical: 0x0000000000800000-0x0000000001000000 2048 pages, only in A" in answer.out


def test_one_file_can_be_compared(run, other):
    assert run("diff", corpus.demo(), other, "vcpus/0/regs/rip").code == 0
    assert run("diff", corpus.demo(), other, "raw/memory-ranges").code == 0
    answer = run("diff", corpus.demo(), other, "vcpus/0/regs/ripp")
    assert answer.code == 2
    assert "did you mean rip" in answer.err


def test_fields_as_json(run, other):
    set_register(other, "0", 0, 1)
    found = json.loads(run("diff", corpus.demo(), other, "--json", "vcpus/0/regs").out)
    assert [f["path"] for f in found["fields"]] == ["vcpus/0/regs/rax"]
    assert found["fields"][0]["b"] == "0x0000000000000001"


def test_the_sample_may_stand_first(run):
    assert run("diff", "--demo", corpus.demo()).code == 0


def test_huge_sparse_memories_are_compared_without_reading_their_holes(run, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(corpus.trimmed("v53.0-x86_64-small"), tmp_path / name)
        state = json.loads((tmp_path / name / "state.json").read_text())
        text = state["snapshots"]["memory-manager"]["snapshot_data"]["state"]
        inner = json.loads(text)
        size = 1 << 40
        inner["memory_ranges"]["data"] = [{"gpa": 0, "length": size}]
        for mapping in inner["guest_ram_mappings"]:
            mapping["size"] = size
        state["snapshots"]["memory-manager"]["snapshot_data"]["state"] = json.dumps(inner)
        (tmp_path / name / "state.json").write_text(json.dumps(state))
        os.truncate(tmp_path / name / "memory-ranges", size)
    with (tmp_path / "b/memory-ranges").open("r+b") as memory:
        memory.seek(1 << 39)
        memory.write(b"x")
    began = time.monotonic()
    answer = run("diff", tmp_path / "a", tmp_path / "b", "memory")
    assert answer.out.splitlines()[0] == "memory/physical: 0x0000008000000000-0x0000008000001000 1 page"
    assert time.monotonic() - began < 60


def test_bytes_are_compared_by_rows(run, other):
    document = json.loads((other / "state.json").read_text())
    leaf = document["snapshots"]["device-manager"]["snapshots"]["_virtio-pci-_disk0"]["snapshots"]["pci_configuration"]["snapshot_data"]
    inner = json.loads(leaf["state"])
    inner["registers"][11] ^= 0x10000  # the subsystem id, at 0x2e
    leaf["state"] = json.dumps(inner)
    (other / "state.json").write_text(json.dumps(document))
    answer = run("diff", corpus.demo(), other, "devices/_disk0/pci/config.bin")
    assert answer.code == 21
    assert answer.out.startswith("devices/_disk0/pci/config.bin: 1 of 256 lines differ, the first is line 3: 0x0020: ")
