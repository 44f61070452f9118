"""Debuggers and everyday programs on a mount of the demo, against the facts of its guest."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import demo, truth
from mounted import mounted, requires_fuse
from programs import program, text_of
from scattered import scattered

pytestmark = requires_fuse

SYMBOLS = Path(__file__).parents[2] / "contrib/lighthouse/lighthouse.sym"
FACTS = truth("demo")


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with mounted("--demo", at=tmp_path_factory.mktemp("demo") / "m") as at:
        yield at


def gdb(core: Path, *commands: str) -> str:
    words = [word for command in (f"core-file {core}", *commands) for word in ("-ex", command)]
    return text_of("gdb", "-q", "-batch", "-nx", *words)


def test_readelf_reads_notes_and_segments_without_complaint(mount: Path) -> None:
    for name in ("vmcore", "gdb-0.core", "gdb-1.core"):
        done = subprocess.run([program("readelf"), "-hlnW", mount / "dump" / name], capture_output=True, text=True, timeout=300, check=True)
        assert done.stderr == ""
        assert "CORE (Core file)" in done.stdout
        assert done.stdout.count("NT_PRSTATUS") == (2 if name == "vmcore" else 1)


def test_gdb_shows_the_registers_that_the_guest_loaded(mount: Path) -> None:
    said = gdb(mount / "dump/gdb-1.core", "info registers")
    shown = {m[1]: int(m[2], 16) for m in re.finditer(r"^(\w+)\s+(0x[0-9a-f]+)", said, re.MULTILINE)}
    for name, value in FACTS["vcpus"]["1"]["gprs"].items():
        assert shown[name] == int(value, 16), name
    # vmcore has the same as its second thread
    other = gdb(mount / "dump/vmcore", "thread 2", "info registers")
    assert {m[1]: int(m[2], 16) for m in re.finditer(r"^(\w+)\s+(0x[0-9a-f]+)", other, re.MULTILINE)} == shown


def test_gdb_finds_the_function_that_each_vcpu_is_in(mount: Path) -> None:
    for number, facts in FACTS["vcpus"].items():
        said = gdb(mount / f"dump/gdb-{number}.core", f"symbol-file {SYMBOLS}", "info symbol $pc")
        assert facts["rip_in"] in said


def test_gdb_reads_each_vcpus_own_memory_at_one_address(mount: Path, tmp_path: Path) -> None:
    for number in (0, 1):
        (fact,) = [f for f in FACTS["translations"] if f["vcpu"] == number and f["what"] == "percpu"]
        start, length = int(fact["va"], 16), int(fact["size"], 16)
        gdb(mount / f"dump/gdb-{number}.core", f"dump binary memory {tmp_path}/{number} {start:#x} {start + length:#x}")
        assert (tmp_path / str(number)).read_bytes() == (mount / f"memory/at/{fact['pa']}").read_bytes()
    assert (tmp_path / "0").read_bytes() != (tmp_path / "1").read_bytes()


@pytest.mark.tools
def test_volatility_reads_every_image(mount: Path) -> None:
    for name in ("dump/vmcore", "dump/memory.lime"):
        said = text_of("vol", "-q", "-f", mount / name, "--offline", "layerwriter.LayerWriter", "--list")
        assert "Elf64Layer" in said or "LimeLayer" in said, said


def test_everyday_programs_read_the_same_bytes(mount: Path, tmp_path: Path) -> None:
    original = (demo() / "memory-ranges").read_bytes()
    physical = mount / "memory/physical"
    assert text_of("sha256sum", physical).split()[0] == hashlib.sha256(original).hexdigest()
    command_line = int(FACTS["cmdline"]["pa"], 16)
    assert bytes.fromhex(text_of("xxd", "-p", "-s", str(command_line), "-l", "30", physical)) == FACTS["cmdline"]["text"].encode()
    text_of("dd", f"if={physical}", f"of={tmp_path}/dd", "bs=64k", "status=none")
    assert (tmp_path / "dd").read_bytes() == original
    text_of("cp", "--sparse=always", physical, tmp_path / "cp")
    assert (tmp_path / "cp").read_bytes() == original
    assert (tmp_path / "cp").stat().st_blocks * 512 < 1 << 20
    text = FACTS["cmdline"]["text"]
    found = [line.split(None, 1) for line in text_of("strings", "-t", "x", physical).splitlines()]
    assert [f"{command_line:x}", text] in found
    assert f"{command_line}:{text}" in text_of("rg", "-a", "-b", "-o", "-F", text, physical).splitlines()


def test_st_blocks_tells_of_holes(mount: Path) -> None:
    status = (mount / "memory/physical").stat()
    assert status.st_size == 16 << 20
    stored = (demo() / "memory-ranges").stat().st_blocks
    assert status.st_blocks <= stored + 8


def test_yara_finds_a_text_where_it_is(mount: Path, tmp_path: Path) -> None:
    rule = tmp_path / "rule.yar"
    rule.write_text('rule line { strings: $a = "' + FACTS["cmdline"]["text"] + '" condition: $a }')
    said = text_of("yara", "-s", rule, mount / "dump/memory.lime")
    assert f"0x{int(FACTS['cmdline']['pa'], 16) + 32:x}:$a" in said


def test_gdb_reads_a_core_with_more_segments_than_the_head_can_count(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    with mounted(scattered(tmp_path / "snapshot", 70_000), at=tmp_path / "m") as at:
        core = at / "dump/gdb-0.core"
        said = gdb(core, "info registers rip", "x/1gx 0xffffc00000000000", f"x/1gx {(1 << 39) + (69_999 << 12):#x}")
        assert said.count("Cannot access") == 0
        expected = int.from_bytes((at / "memory/virtual/0/at/0xffffc00000000000+8").read_bytes(), "little")
        assert f"0xffffc00000000000:\t0x{expected:016x}" in said


def test_gdb_shows_the_vector_and_floating_point_registers(mount: Path) -> None:
    facts = FACTS["vcpus"]["1"]
    said = gdb(mount / "dump/gdb-1.core", *(f"p/x $xmm{n}.uint128" for n in range(16)), "p $st0", "p $st1", "p $st2")
    shown = re.findall(r"^\$\d+ = (\S+)", said, re.MULTILINE)
    assert [int(v, 16) for v in shown[:16]] == [int(facts["xmm"][str(n)], 16) for n in range(16)]
    assert [round(float(v), 6) for v in shown[16:]] == [3.141593, 1.442695, 1.0]
