"""Configuration spaces as lspci describes them, with the real lspci as the oracle."""

import random
import struct
from importlib.resources import files
from pathlib import Path

import programs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.formats import lspci, pci_ids
from snapfs.formats.pci import ConfigSpace

pytestmark = pytest.mark.filterwarnings("error")
IDS = str(files("pypci").joinpath("data", "pci.ids"))


def _space(*, ids: tuple[int, int] = (0x8086, 0x10D3), code: int = 0x020000, **words: int) -> bytearray:
    data = bytearray(4096)
    struct.pack_into("<HHHHBBHBBBB", data, 0, *ids, 0x0407, 0x0010, 3, code & 0xFF, code >> 8, 16, 0, 0, 0)
    return data


def _full() -> bytearray:
    """A network card with capabilities of every kind that is spelled out."""
    data = _space()
    struct.pack_into("<6I", data, 0x10, 0xFEB8_0000, 0x0000_E001, 0xD000_000C, 0x0000_0008, 0, 0)
    struct.pack_into("<HHI", data, 0x2C, 0x8086, 0xA01F, 0xFE00_0001)
    struct.pack_into("<B7xBBBB", data, 0x34, 0x40, 11, 2, 4, 8)
    struct.pack_into("<BBHHH", data, 0x40, 0x01, 0x50, 0xC823, 0x2100, 0)
    struct.pack_into("<BBHIIH2xII", data, 0x50, 0x05, 0x70, 0x01C5, 0xFEE0_0000, 1, 0x4021, 0x3, 0x1)
    struct.pack_into("<BBHII", data, 0x70, 0x11, 0x80, 0xC004, 0x0000_2003, 0x0000_3003)
    struct.pack_into("<BBB", data, 0x80, 0x09, 0x90, 12)
    struct.pack_into("<BBHIHHIHH", data, 0x90, 0x10, 0xD0, 0x0002, 0x0000_8CC0, 0x2810, 0, 0x0003_1C11, 0x0040, 0x1011)
    struct.pack_into("<BBH", data, 0xD0, 0x13, 0x00, 0x0306)
    return data


def _told(data: bytes, path: Path) -> list[str]:
    path.write_text("01:02.3 x\n" + "".join(f"{at:02x}: {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16)) + "\n")
    return programs.lspci("-vv", "-i", IDS, "-F", path)


def _same(data: bytes, path: Path) -> None:
    """Our lines are lspci's, but for the registers of Express and Advanced Features, of which we give the first line."""
    space = ConfigSpace(bytes(data))
    ours = lspci.describe("01:02.3", space, {}).splitlines()
    wide = tuple(f"\tRegion {bar.index + 1}:" for bar in space.bars if bar.kind == "mem64") or ("\0",)
    told, inner = [], False
    for line in _told(bytes(data), path):
        if not line.startswith("\t\t"):
            inner = "Express" in line or "Advanced Features" in line
        if line and not line.startswith(wide) and not (inner and line.startswith("\t\t")):
            told.append(line)
    assert ours == told


def test_a_card_with_everything_reads_as_lspci_says(tmp_path: Path) -> None:
    _same(_full(), tmp_path / "dump")


@pytest.mark.parametrize(
    "ids", [(0x8086, 0x0D57), (0x1AF4, 0x1041), (0x1AF4, 0x10FF), (0xDEAD, 0x0001), (0x10DE, 0x1EB8), (0x1B36, 0x0011)]
)
def test_names_are_those_that_lspci_prints(tmp_path: Path, ids: tuple[int, int]) -> None:
    for code in (0x010802, 0x060000, 0x0C0330, 0x030200, 0xFFFF00, 0x088000, 0x7F1200):
        _same(_space(ids=ids, code=code), tmp_path / "dump")


@pytest.mark.parametrize("seed", range(10))
def test_registers_of_any_content_read_as_lspci_says(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    data = _full()
    # every register that is spelled out but those that would make another kind of function or list of it
    for offset, size in ((4, 2), (0x0D, 1), (0x42, 4), (0x54, 10), (0x72, 2)):
        data[offset : offset + size] = dice.randbytes(size)
    data[6:8] = struct.pack("<H", dice.randrange(1 << 16) & ~0x10 | 0x10)
    data[0x52:0x54] = struct.pack("<H", dice.randrange(1 << 16) & 0x1FF)
    data[0x14:0x18] = struct.pack("<I", dice.randrange(1 << 14) << 2 | 1)
    _same(data, tmp_path / "dump")


def test_sizes_stand_where_lspci_puts_them() -> None:
    text = lspci.describe("01:02.3", ConfigSpace(bytes(_full())), {0: 128 << 10, 1: 32, 2: 16 << 30})
    assert "Region 0: Memory at feb80000 (32-bit, non-prefetchable) [size=128K]" in text
    assert "Region 1: I/O ports at e000 [size=32]" in text
    assert "Region 2: Memory at 8d0000000 (64-bit, prefetchable) [size=16G]" in text


@given(st.binary(max_size=4096))
def test_no_configuration_space_makes_a_walk_hang_or_escape(data: bytes) -> None:
    space = ConfigSpace(data)
    assert len(list(space.capabilities())) < 1200
    for capability in space.capabilities():
        space.fields(capability)
    assert lspci.describe("00:00.0", space, {}).endswith("\n")


def test_a_list_of_capabilities_that_loops_ends() -> None:
    data = _space()
    data[0x34] = 0x40
    data[0x40:0x42] = bytes([0x09, 0x48])
    data[0x48:0x4A] = bytes([0x09, 0x40])
    assert [c.offset for c in ConfigSpace(bytes(data)).capabilities()] == [0x40, 0x48]


def test_names_come_from_the_pci_id_repository() -> None:
    assert pci_ids.vendor_name(0x1AF4) == "Red Hat, Inc."
    assert pci_ids.device_name(0x1AF4, 0x1042) == "Virtio 1.0 block device"
    assert pci_ids.vendor_name(0x0002) == ""
    assert pci_ids.device_name(0x0002, 1) == ""
    assert pci_ids.program_name(0x0108, 2) == "NVM Express"
