"""`memory/` of machines whose tables are out of order, incomplete, damaged or made to hurt."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Ram, write
from corpus import REAL, trimmed

import snapfs
from snapfs.blob import Blob
from snapfs.errors import AddressError, SnapfsError
from snapfs.tree import Dir, root

PAGE = 4096


def fill(byte: str, pages: int) -> bytes:
    return byte.encode() * (pages * PAGE)


@contextmanager
def opened(path: Path) -> Iterator[Dir]:
    with snapfs.open(path) as snap:
        yield root(snap)


def blob(tree: Dir, path: str) -> Blob:
    return (tree / path).blob()  # type: ignore[attr-defined,no-any-return]


def rows(tree: Dir, path: str) -> list[list[str]]:
    return [line.split(None, 3) for line in (tree / path).read_text().splitlines() if not line.startswith("#")]  # type: ignore[attr-defined]


def edited(path: Path, change: Any) -> Path:
    """Changes the memory manager's state in a snapshot."""
    document = json.loads((path / "state.json").read_text())
    node = document["snapshots"]["memory-manager"]["snapshot_data"]
    state = json.loads(node["state"])
    change(state)
    node["state"] = json.dumps(state)
    (path / "state.json").write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("era", ["C", "D"])
def test_offsets_follow_the_order_of_the_table_not_of_addresses(tmp_path: Path, era: Any) -> None:
    ram = (Ram(0x40000, fill("C", 2), virtio_mem=True), Ram(0x10000, fill("B", 3)), Ram(0, fill("A", 1)))
    with opened(write(tmp_path, Machine(era=era, ram=ram))) as tree:
        assert [row[:2] for row in rows(tree, "memory/map.txt")] == [
            ["0x0000000000000000", "0x0000000000001000"],
            ["0x0000000000010000", "0x0000000000013000"],
            ["0x0000000000040000", "0x0000000000042000"],
        ]
        offsets = {row["start"]: row["file_offset"] for row in json.loads((tree / "memory/map.json").read_text())}  # type: ignore[attr-defined]
        assert offsets == {"0x0000000000000000": 5 * PAGE, "0x0000000000010000": 2 * PAGE, "0x0000000000040000": 0}
        for r in ram:
            assert blob(tree, f"memory/at/{r.gpa}+{r.size}").pread(0, r.size) == r.content
            assert blob(tree, "memory/physical").pread(r.gpa, r.size) == r.content
            assert blob(tree, f"memory/ranges/0x{r.gpa:016x}-0x{r.gpa + r.size:016x}").pread(0, r.size) == r.content


def test_what_is_no_ram_reads_as_zeros_in_physical_and_as_an_error_in_windows(tmp_path: Path) -> None:
    with opened(write(tmp_path, Machine(ram=(Ram(0, fill("A", 1)), Ram(0x10000, fill("B", 1)))))) as tree:
        physical = blob(tree, "memory/physical")
        assert physical.size == 0x11000
        assert physical.pread(PAGE, PAGE) == bytes(PAGE)
        assert {(e.start, e.end) for e in physical.extents() if e.kind == "hole"} == {(PAGE, 0x10000)}
        window = blob(tree, "memory/at/0x800+0x20000")
        assert window.pread(0, 0x20000) == fill("A", 1)[:0x800]
        for offset in (0x800, 0x1000, 0x10800, 0x1FFFF):
            with pytest.raises(AddressError):
                window.pread(offset, 1)
        assert window.pread(0x10000 - 0x800, PAGE) == fill("B", 1)
        assert rows(tree, "memory/gaps.txt") == [["0x0000000000001000", "0x0000000000010000", "not-ram", "no RAM at these addresses"]]


def test_a_zone_that_was_left_out_is_a_gap_with_the_hosts_path(tmp_path: Path) -> None:
    zones = [{"id": "near", "size": 2 * PAGE}, {"id": "far", "size": PAGE, "file": "/dev/shm/far zone", "shared": True}]
    ram = (Ram(0, fill("A", 2), zone="near"), Ram(0x8000, 2 * PAGE, zone="far", saved=False))
    machine = Machine(ram=ram, config={"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": 0, "zones": zones}})
    with opened(write(tmp_path, machine)) as tree:
        gap = rows(tree, "memory/gaps.txt")[-1]
        assert gap[:3] == ["0x0000000000008000", "0x000000000000a000", "left-out"]
        assert "/dev/shm/far zone" in gap[3]
        far = "memory/zones/far/0x0000000000008000-0x000000000000a000"
        for path, offset in (("memory/physical", 0x8000), ("memory/at/0x8000", 0), (far, 0)):
            with pytest.raises(AddressError, match="/dev/shm/far zone"):
                blob(tree, path).pread(offset, 1)
        assert blob(tree, "memory/physical").size == 0xA000
        assert [*(tree / "memory/zones").children] == ["far", "near"]  # type: ignore[attr-defined]
        assert blob(tree, "memory/zones/near/0x0000000000000000-0x0000000000002000").size == 2 * PAGE


def test_host_paths_and_zones_cannot_break_the_lines_of_a_table(tmp_path: Path) -> None:
    zones = [{"id": "far\naway", "size": PAGE, "file": "/x\n0x0 0x1 not-ram fake\x1b[31m"}, "no zone", {"id": 7}]
    ram = (Ram(0, fill("A", 1)), Ram(0x8000, PAGE, zone="far\naway", saved=False))
    machine = Machine(ram=ram, config={"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": 0, "zones": zones}})
    with opened(write(tmp_path, machine)) as tree:
        text = (tree / "memory/gaps.txt").read_text()  # type: ignore[attr-defined]
        assert len(text.splitlines()) == 3
        assert "\x1b" not in text
        assert "/x\\x0a0x0" in text


def test_memory_in_a_file_of_the_host_without_zones_names_the_file(tmp_path: Path) -> None:
    config = {"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": PAGE, "file": "/dev/hugepages/guest"}}
    with opened(write(tmp_path, Machine(ram=(Ram(0, PAGE, saved=False),), config=config))) as tree:
        assert "/dev/hugepages/guest" in rows(tree, "memory/gaps.txt")[0][3]


def test_blocks_of_virtio_mem_that_are_not_plugged_read_as_zeros(tmp_path: Path) -> None:
    path = write(tmp_path, Machine(ram=(Ram(0x10000, fill("P", 1), virtio_mem=True), Ram(0, fill("A", 1)))))

    def grow(state: Any) -> None:
        state["guest_ram_mappings"][0]["gpa"] -= PAGE
        state["guest_ram_mappings"][0]["size"] = 4 * PAGE

    with opened(edited(path, grow)) as tree:
        kinds = {(row[0][-5:], row[1][-5:]): row[2] for row in rows(tree, "memory/gaps.txt")}
        assert kinds == {("01000", "0f000"): "not-ram", ("0f000", "10000"): "unplugged", ("11000", "13000"): "unplugged"}
        assert blob(tree, "memory/physical").pread(0xF000, 4 * PAGE) == bytes(PAGE) + fill("P", 1) + bytes(2 * PAGE)
        with pytest.raises(AddressError, match="unplugged"):
            blob(tree, "memory/at/0xf000").pread(0, 1)
        assert json.loads((tree / "memory/map.json").read_text())[-1]["kind"] == "virtio-mem"  # type: ignore[attr-defined]


def test_what_a_file_was_cut_short_of_is_an_error_never_zeros(tmp_path: Path) -> None:
    path = write(tmp_path, Machine(ram=(Ram(0x10000, fill("B", 4)), Ram(0, fill("A", 4)))))
    with (path / "memory-ranges").open("r+b") as file:
        file.truncate(6 * PAGE)
    with opened(path) as tree:
        physical = blob(tree, "memory/physical")
        assert physical.pread(0, 8 * PAGE) == fill("A", 2)
        with pytest.raises(AddressError, match="24576 bytes long"):
            physical.pread(2 * PAGE, 1)
        assert physical.pread(4 * PAGE, PAGE) == bytes(PAGE)
        assert [row[2] for row in rows(tree, "memory/gaps.txt")] == ["truncated", "not-ram"]


def test_of_a_range_that_overlaps_another_the_rest_is_there_and_the_overlap_is_told(tmp_path: Path) -> None:
    ram = (Ram(0x2000, fill("B", 3) + fill("C", 1)), Ram(0, fill("A", 4)), Ram(0x1000, fill("D", 1)))
    first, second, third = (f"0x{r.gpa:016x}-0x{r.gpa + r.size:016x}" for r in ram)
    with snapfs.open(write(tmp_path, Machine(ram=ram))) as snap:
        tree = root(snap)
        assert blob(tree, "memory/physical").pread(0, 8 * PAGE) == fill("A", 4) + fill("B", 1) + fill("C", 1)
        assert blob(tree, "memory/at/0x4800").pread(0, PAGE) == b"B" * 0x800 + b"C" * 0x800
        assert len([problem for problem in snap.problems if "overlaps" in problem]) == 2
        for table in ("map.txt", "gaps.txt"):
            errors = [line for line in (tree / f"memory/{table}").read_text().splitlines() if line.startswith("# ERROR")]  # type: ignore[attr-defined]
            assert [(first in line, second in line, third in line) for line in errors] == [(False, True, True), (True, True, False)]
        # what is hidden can still be read by its own name
        assert blob(tree, f"memory/ranges/{first}").pread(0, PAGE) == fill("B", 1)
        assert blob(tree, f"memory/ranges/{third}").pread(0, PAGE) == fill("D", 1)


def test_what_is_missing_of_a_range_that_overlaps_another_is_missing_of_its_rest(tmp_path: Path) -> None:
    path = write(tmp_path, Machine(ram=(Ram(0, fill("A", 4)), Ram(0x2000, fill("B", 4)))))
    with (path / "memory-ranges").open("r+b") as file:
        file.truncate(7 * PAGE)
    with opened(path) as tree:
        assert blob(tree, "memory/physical").pread(0, 8 * PAGE) == fill("A", 4) + fill("B", 1)
        assert rows(tree, "memory/gaps.txt")[0][:3] == ["0x0000000000005000", "0x0000000000006000", "truncated"]


def test_a_file_that_is_cut_while_in_use_is_told_in_the_tables(tmp_path: Path) -> None:
    path = write(tmp_path, Machine(ram=(Ram(0x10000, fill("B", 4)), Ram(0, fill("A", 4)))))
    with opened(path) as tree:
        before = [(tree / f"memory/{name}").read_text() for name in ("map.txt", "gaps.txt", "map.json")]  # type: ignore[attr-defined]
        assert "ERROR" not in "".join(before)
        os.truncate(path / "memory-ranges", 6 * PAGE)
        assert [*rows(tree, "memory/map.txt")[1]][:2] == ["0x0000000000010000", "0x0000000000014000"]
        said = (tree / "memory/map.txt").read_text()  # type: ignore[attr-defined]
        assert "# ERROR 0x0000000000002000 0x0000000000004000 not there" in said
        assert "24576 bytes long now, 32768 when it was opened" in said
        assert [row[:3] for row in rows(tree, "memory/gaps.txt")] == [
            ["0x0000000000002000", "0x0000000000004000", "truncated"],
            ["0x0000000000004000", "0x0000000000010000", "not-ram"],
        ]
        assert [row["missing"] for row in json.loads((tree / "memory/map.json").read_text())] == [2 * PAGE, 0]  # type: ignore[attr-defined]
        assert blob(tree, "memory/physical").pread(0, PAGE) == fill("A", 1)
        with pytest.raises(SnapfsError, match="cut while in use"):
            blob(tree, "memory/physical").pread(2 * PAGE, 1)


def test_bytes_that_the_table_does_not_account_for_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, Machine(ram=(Ram(0, fill("A", 4)),)))
    with (path / "memory-ranges").open("ab") as file:
        file.write(b"more")
    (path / "memory-7").write_bytes(b"x")
    with opened(path) as tree:
        said = [line for line in (tree / "memory/map.txt").read_text().splitlines() if line.startswith("# ERROR")]  # type: ignore[attr-defined]
        assert len(said) == 2
        assert "memory-7: no range" in said[0]
        assert "16388 bytes long, the memory table accounts for 16384" in said[1]


def test_a_table_of_a_hundred_thousand_overlapping_ranges_is_read_in_no_time(tmp_path: Path) -> None:
    path = write(tmp_path, Machine())

    def many(state: Any) -> None:
        state["memory_ranges"]["data"] = [{"gpa": n % 50_000 * PAGE, "length": 2 * PAGE} for n in range(100_000)]
        state["guest_ram_mappings"] = [
            {"slot": n, "gpa": n * PAGE, "size": 3 * PAGE, "zone_id": "mem0", "virtio_mem": False, "file_offset": 0} for n in range(100_000)
        ]

    edited(path, many)
    started = time.process_time()
    with snapfs.open(path) as snap:
        assert len(snap.memory.by_address) == 50_000
        assert snap.memory.physical.size == 100_002 * PAGE
        assert len(snap.memory.problems) <= 100
    assert time.process_time() - started < 12


@pytest.mark.parametrize("bad", [{"gpa": (1 << 64) - 1, "length": 1 << 40}, {"gpa": 0, "length": (1 << 64) - 1}])
def test_a_range_beyond_all_files_is_left_out(tmp_path: Path, bad: dict[str, int]) -> None:
    path = edited(write(tmp_path, Machine()), lambda state: state["memory_ranges"]["data"].append(bad))
    with snapfs.open(path) as snap:
        assert [r.start for r in snap.memory.ranges] == [0]
        assert any("beyond" in problem for problem in snap.problems)
        assert "# ERROR memory table: a range of" in (root(snap) / "memory/map.txt").read_text()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", REAL)
def test_lengths_of_real_ranges_add_up_to_their_files(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        held: dict[str, int] = {}
        for r in snap.memory.ranges:
            held[r.file] = held.get(r.file, 0) + r.length
        assert held == {file: (snap.source.path / file).stat().st_size for file in snap.source.memory_names}
        assert not snap.memory.problems
