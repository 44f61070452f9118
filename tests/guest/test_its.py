"""LPIs against /proc/interrupts, and tables that a guest made to mislead."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Node, Ram, write
from corpus import ARM, full, truth
from vcpu_payloads import arm64

import snapfs
from snapfs.errors import CorruptState, SnapfsError
from snapfs.guest import its
from snapfs.tree import root

BASE = 0x40000000
VALID = 1 << 63


@pytest.mark.parametrize("name", ARM)
def test_every_message_of_proc_interrupts_is_an_enabled_lpi(name: str) -> None:
    found = re.finditer(r"^ *\d+: +(\d+) +(\d+) +ITS-PCI-MSIX-(\S+) +(\d+) Edge", truth(name)["interrupts"], re.MULTILINE)
    said = {(m[3], int(m[4])): (int(m[1]), int(m[2])) for m in found}
    assert len(said) == 20
    with snapfs.open(full(name)) as snap:
        assert snap.gic is not None
        lpis = {(its.bdf(lpi.device), lpi.event): lpi for _, lpi in its.lpis(snap.memory, snap.gic)}
        table = (root(snap) / "gic/interrupts.txt").read_text()
    # messages that no driver asked for are mapped and off
    assert {place for place, lpi in lpis.items() if lpi.enabled} >= set(said)
    for place, counts in said.items():
        if sum(counts) > 2 and 0 in counts:  # it has gone to one processor alone
            assert lpis[place].vcpu == counts.index(max(counts)), place
    assert re.search(r"^8193 +LPI +1 +yes +\? +- +1 +edge +0xc0 +message 1 of 0000:00:01.0 __console$", table, re.MULTILINE)


def machine(path: Path, memory: dict[int, bytes], size: int = 0x80000, **changes: int) -> snapfs.Snapshot:
    """A machine with one vCPU whose ITS has its devices' table in one page at BASE."""
    ram = bytearray(size)
    for offset, data in memory.items():
        ram[offset : offset + len(data)] = data
    baser = [VALID | 1 << 56 | 7 << 48 | BASE, VALID | 4 << 56 | 7 << 48 | BASE + 0x1000, *[0] * 6]
    state: dict[str, Any] = {
        "dist": [0] * 568,
        "rdist": [0, 0, BASE + 0x10000 | 15, 0, BASE + 0x20000, 0, 1, *[0] * 17],
        "icc": [7, 0x400, 0, 1, 0xF0, 2, 3, 0, 0],
        "gicd_ctlr": 0x52,
        "its_ctlr": 1, "its_iidr": 0, "its_cbaser": 0, "its_cwriter": 0, "its_creadr": 0, "its_baser": baser,
    }  # fmt: skip
    for register, value in changes.items():
        baser[int(register.removeprefix("baser"))] = value
    devices = {"gic-v3-its": Node({"Kvm": state})}
    return snapfs.open(write(path, Machine("D", [arm64(53)], [Ram(BASE, bytes(ram))], devices=devices)))


def lpis(snap: snapfs.Snapshot) -> dict[int, its.Lpi]:
    assert snap.gic is not None
    return dict(its.lpis(snap.memory, snap.gic))


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


DEVICE = {
    0x8 * 8: words(VALID | (BASE + 0x30000 >> 8) << 5 | 1),  # device 8: four events
    0x1000: words(VALID | 0 << 16 | 5),  # collection 5 goes to vCPU 0
    0x30000: words(8192 << 16 | 5, 0, 8200 << 16 | 5, 8201 << 16 | 9),
    0x10000: bytes([0xA3]) + bytes(7) + bytes([0xA2, 0x43]),
    0x20000 + 8192 // 8: bytes([1, 2]),
}


def test_an_lpi_has_what_its_four_tables_say(tmp_path: Path) -> None:
    with machine(tmp_path, DEVICE) as snap:
        assert lpis(snap) == {
            8192: its.Lpi(8, 0, 5, 0, enabled=True, pending=True, priority=0xA0),
            8200: its.Lpi(8, 2, 5, 0, enabled=False, pending=False, priority=0xA0),
            8201: its.Lpi(8, 3, 9, None, enabled=True, pending=None, priority=0x40),
        }
        tree = root(snap)
        assert (tree / "gic/lpis/8192/pending").read_text() == "true\n"
        assert (tree / "gic/lpis/8201/vcpu").read_text() == "null\n"
        assert "8192.device" in (tree / "gic/lpis.txt").read_text()


def test_a_table_in_two_levels_reads_the_same(tmp_path: Path) -> None:
    second = {0x40000: words(VALID | BASE + 0x50000), 0x50000 + 64: DEVICE[64], **{k: v for k, v in DEVICE.items() if k != 64}}
    baser = VALID | 1 << 62 | 1 << 56 | 7 << 48 | 2 << 8 | BASE + 0x40000
    with machine(tmp_path / "two", second, baser0=baser) as two, machine(tmp_path / "one", DEVICE) as one:
        assert lpis(two) == lpis(one)


def test_a_table_that_points_to_itself_ends_in_an_answer(tmp_path: Path) -> None:
    loop = {0x40000: words(*[VALID | BASE + 0x40000] * 8192)}
    baser = VALID | 1 << 62 | 1 << 56 | 7 << 48 | 2 << 8 | BASE + 0x40000
    with machine(tmp_path, loop, baser0=baser) as snap, pytest.raises(SnapfsError):
        lpis(snap)


def test_a_table_larger_than_any_machine_needs_is_not_read_through(tmp_path: Path) -> None:
    baser = VALID | 1 << 56 | 7 << 48 | 2 << 8 | 0xFF | BASE
    with machine(tmp_path, {}, size=0x1100000, baser0=baser) as snap, pytest.raises(CorruptState, match="more than"):
        lpis(snap)


def test_more_lpis_than_there_are_end_in_an_answer(tmp_path: Path) -> None:
    # sixteen devices with one table of 8192 events
    crowd = {8 * n: words(VALID | (BASE + 0x40000 >> 8) << 5 | 12) for n in range(16)} | {0x40000: words(*[8192 << 16] * 8192)}
    with machine(tmp_path, crowd) as snap, pytest.raises(CorruptState, match="more than 65536 LPIs"):
        lpis(snap)


def test_an_events_table_of_any_size_ends_in_an_answer(tmp_path: Path) -> None:
    huge = {64: words(VALID | (BASE >> 8) << 5 | 31)}
    with machine(tmp_path, huge) as snap:
        assert "LPIs cannot be read" in (root(snap) / "gic/interrupts.txt").read_text()
        assert "ERROR" in (root(snap) / "gic/lpis").children  # type: ignore[attr-defined]


def test_tables_outside_ram_leave_the_other_interrupts(tmp_path: Path) -> None:
    with machine(tmp_path, {}, baser0=VALID | 1 << 56 | 7 << 48 | 0x1000) as snap:
        table = (root(snap) / "gic/interrupts.txt").read_text()
    assert "LPIs cannot be read" in table
    assert len(table.splitlines()) == 1 + 32 + 224 + 1


def test_entries_that_are_not_kvms_are_not_guessed_at(tmp_path: Path) -> None:
    with machine(tmp_path, DEVICE, baser0=VALID | 1 << 56 | 15 << 48 | BASE) as snap, pytest.raises(CorruptState, match="16 bytes"):
        lpis(snap)


@pytest.mark.parametrize(("device", "function"), [(8, "0000:00:01.0"), (0x1FF, "0001:00:1f.7"), (0x10, "0000:00:02.0")])
def test_a_device_id_is_a_function_behind_its_segment(device: int, function: str) -> None:
    assert its.bdf(device) == function
