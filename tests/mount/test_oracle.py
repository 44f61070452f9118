"""Memory through a real mount, as the original files have it, and what the sample guest says of itself. (Registers that
programs in guests loaded: test_registers.)"""

from __future__ import annotations

import hashlib
from pathlib import Path

import corpus
import pytest
from corpus import REAL
from mounted import mounted, requires_fuse

pytestmark = requires_fuse

MIB = 1 << 20
GIB = 1 << 30


def test_registers_of_the_sample_are_those_of_its_elf_file_and_serial_output(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        for number, expected in corpus.truth("demo")["vcpus"].items():
            for register in ("cr0", "cr3", "cr4", "efer"):
                assert int((at / f"vcpus/{number}/sregs" / register).read_text(), 0) == int(expected[register], 0)
        stuck = corpus.truth("demo")["symbols"]["stuck_in_spinlock"]
        rip = int((at / "vcpus/1/regs/rip").read_text(), 0)
        assert int(stuck["va"], 0) <= rip < int(stuck["va"], 0) + stuck["size"]


# file, offset in it, address, length: as the memory tables have them; one range fills the file where nothing else is said
RANGES = {
    "v16.0-x86_64-small": [("memory-region-0", 0, 0, 64 * MIB)],
    "v28.0-x86_64-small": [("memory-ranges", 0, 0, 64 * MIB)],
    "v38.0-x86_64-small": [("memory-ranges", 0, 0, 64 * MIB)],
    "v39.0-x86_64-small": [("memory-ranges", 0, 0, 64 * MIB)],
    "v53.0-x86_64-small": [("memory-ranges", 0, 0, 64 * MIB)],
    "v53.0-x86_64-linux612": [("memory-ranges", 0, 0, 320 * MIB)],
    "v51.0-x86_64-linux61-hotplug": [("memory-ranges", 0, 0, 256 * MIB), ("memory-ranges", 256 * MIB, 4 * GIB, 128 * MIB)],
    "v38.0-aarch64-linux": [("memory-ranges", 0, GIB, 128 * MIB)],
    "v53.0-aarch64-linux": [("memory-ranges", 0, GIB, 128 * MIB)],
}
# addresses that are no RAM, or a block of virtio-mem that is not plugged, with the size of the whole
HOLES = {
    "v51.0-x86_64-linux61-hotplug": ([256 * MIB, GIB + 5, 4 * GIB - 4096], 4 * GIB + 128 * MIB),
    "v28.0-x86_64-small": ([64 * MIB, 3 * GIB, 4 * GIB, 5 * GIB - 4096], 5 * GIB),
    "v53.0-aarch64-linux": ([0, GIB - 4096], GIB + 128 * MIB),
}


def digest(path: Path, start: int = 0, length: int | None = None) -> str:
    found = hashlib.sha256()
    left = path.stat().st_size - start if length is None else length
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while left:
            piece = file.read(min(left, MIB))
            assert piece, f"{path} ends {left} bytes early"
            found.update(piece)
            left -= len(piece)
    return found.hexdigest()


def test_every_snapshot_has_its_ranges_told() -> None:
    assert set(RANGES) == set(REAL)


@pytest.mark.parametrize("name", RANGES)
def test_memory_is_that_of_the_original_files(name: str, tmp_path: Path) -> None:
    source = corpus.full(name)
    with mounted(source, at=tmp_path / "m") as at:
        names = [f"0x{start:016x}-0x{start + length:016x}" for _, _, start, length in RANGES[name]]
        assert sorted(path.name for path in (at / "memory/ranges").iterdir()) == sorted(names)
        for place, (file, offset, start, length) in zip(names, RANGES[name], strict=True):
            expected = digest(source / file, offset, length)
            assert digest(at / "memory/ranges" / place) == expected
            assert digest(at / "memory/physical", start, length) == expected


@pytest.mark.parametrize("name", HOLES)
def test_what_is_no_memory_reads_as_zeros_in_physical_and_as_an_error_in_a_window(name: str, tmp_path: Path) -> None:
    addresses, size = HOLES[name]
    with mounted(corpus.trimmed(name), at=tmp_path / "m") as at:
        physical = at / "memory/physical"
        assert physical.stat().st_size == size
        with physical.open("rb", buffering=0) as file:
            for address in addresses:
                file.seek(address)
                assert file.read(4096) == bytes(4096)
                with pytest.raises(OSError, match="Input/output error"):
                    (at / f"memory/at/0x{address:x}").read_bytes()
