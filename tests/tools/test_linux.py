"""Debuggers on mounts of Linux guests' full snapshots, against what the guests said of themselves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import ARM, X86, full, truth
from mounted import mounted, requires_fuse
from programs import text_of

pytestmark = [pytest.mark.tools, requires_fuse]

DRGN = """
from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms
print("release", prog["UTS_RELEASE"].string_().decode())
prog.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(prog), enable_index=0)
banner = prog.symbol("linux_banner").address
print("banner", prog.read(banner, 512).split(b"\\0")[0].decode().strip())
"""


@pytest.fixture(scope="module", params=[*X86, *ARM])
def guest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with mounted(full(request.param), at=tmp_path_factory.mktemp("linux") / "m") as at:
        yield request.param, at


def log_lines(text: str) -> list[str]:
    """The lines of a kernel log without what differs between its writers: time stamps' padding, lines' ends, and
    makedumpfile's form of what it takes for unprintable, a sign-extended byte."""
    printable = re.sub(r"(?:\\xffffff[0-9a-f]{2})+", lambda m: bytes.fromhex(m[0].replace("\\xffffff", "")).decode(), text)
    lines: list[str] = []
    stamp = ""
    for line in printable.splitlines():
        match = re.match(r"\[ *([0-9.]+)\] ?", line)
        stamp = match[1] if match else stamp  # the second line of a record bears its time in the guest's own form only
        lines.append(f"[{stamp}] {line[match.end() if match else 0 :].strip()}")
    return lines


def test_makedumpfile_finds_the_kernel_log(guest: tuple[str, Path], tmp_path: Path) -> None:
    name, mount = guest
    if name in ARM:
        pytest.skip("this makedumpfile reads dumps of the architecture that it was built for")
    text_of("makedumpfile", "--dump-dmesg", "-f", mount / "dump/vmcore", tmp_path / "log")
    said = log_lines((tmp_path / "log").read_text(errors="replace"))
    expected = log_lines(dmesg(name))
    assert len(expected) > 100
    assert said[: len(expected)] == expected


def dmesg(name: str) -> str:
    """The kernel log that the guest itself wrote out, from the truth files beside the full snapshots."""
    root = os.environ.get("SNAPFS_TRUTH")
    if not root:
        pytest.skip("SNAPFS_TRUTH does not name the directory of the guests' own accounts")
    said: str = json.loads((Path(root) / name / "truth/guest.json").read_text())["dmesg"]
    return said


def test_crash_takes_the_core_for_a_kdump_with_vmcoreinfo(guest: tuple[str, Path]) -> None:
    name, mount = guest
    if name in ARM:
        pytest.skip("this crash reads dumps of the architecture that it was built for")
    assert text_of("crash", "--osrelease", mount / "dump/vmcore").strip() == truth(name)["uname"].split()[2]


def test_drgn_knows_release_and_symbols(guest: tuple[str, Path]) -> None:
    name, mount = guest
    said = dict(
        line.split(" ", 1) for line in text_of("drgn", "-q", "--no-default-symbols", "-c", mount / "dump/vmcore", given=DRGN).splitlines()
    )
    assert said["release"] == truth(name)["uname"].split()[2]
    assert said["banner"] == truth(name)["version"].strip()


def gdb(name: str, core: Path, *commands: str) -> str:
    words = [word for command in (f"core-file {core}", *commands) for word in ("-ex", command)]
    return text_of("gdb-multiarch" if name in ARM else "gdb", "-q", "-batch", "-nx", *words)


def expected_registers(name: str) -> dict[str, int]:
    """What the spinning program loads and never changes, by the corpus's own account."""
    if name in ARM:
        return {f"x{n}": (n + 1) << 56 | 0x0011_AAAA_0000_AB00 | n for n in range(31)} | {"pc": 0x400A04}
    digits = dict(zip(("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16))), range(1, 16), strict=True))
    return {register: int(f"{n:x}" * 4, 16) << 48 | 0xAAAA << 32 | n for register, n in digits.items()}


def test_gdb_shows_registers_and_kernel_memory(guest: tuple[str, Path], tmp_path: Path) -> None:
    name, mount = guest
    core = mount / f"dump/gdb-{0 if name.startswith('v51.0') else 1}.core"
    code = re.search(r"([0-9a-f]+)-[0-9a-f]+ : Kernel code", truth(name)["iomem"])
    assert code
    start = int(code[1], 16)
    places = [line for line in (mount / f"memory/virtual/0/p2v/{start}").read_text().split() if line.startswith("0xffff")]
    assert len(places) >= 2  # in the image and in the direct map
    dumps = [f"dump binary memory {tmp_path}/{place} {place} {int(place, 16) + 65536:#x}" for place in places]
    said = gdb(name, core, "info registers", *dumps)
    for place in places:
        assert (tmp_path / place).read_bytes() == (mount / f"memory/at/{start}+65536").read_bytes()
    if not name.startswith("v39.0"):  # caught in the kernel
        shown = {m[1]: int(m[2], 16) for m in re.finditer(r"^(\w+)\s+(0x[0-9a-f]+)", said, re.MULTILINE)}
        expected = expected_registers(name)
        assert {register: shown[register] for register in expected} == expected


def test_gdb_lists_all_vcpus_of_a_vmcore(guest: tuple[str, Path]) -> None:
    name, mount = guest
    said = gdb(name, mount / "dump/vmcore", "info threads")
    count = len([entry for entry in os.listdir(mount / "vcpus") if entry.isdecimal()])
    assert [int(n) for n in re.findall(r"LWP (\d+)\s+0x", said)] == list(range(1, count + 1))


def test_volatility_finds_the_banner(guest: tuple[str, Path]) -> None:
    name, mount = guest
    for image in ("dump/vmcore", "dump/memory.lime"):
        said = text_of("vol", "-q", "--offline", "-f", mount / image, "banners.Banners")
        assert truth(name)["version"].strip() in said


def test_readelf_has_no_complaint(guest: tuple[str, Path]) -> None:
    name, mount = guest
    said = text_of("readelf", "-hlnW", mount / "dump/vmcore")
    assert ("AArch64" if name in ARM else "X86-64") in said
    assert "VMCOREINFO" in said


def test_the_guests_own_text_is_found_by_searching(guest: tuple[str, Path]) -> None:
    _, mount = guest
    for mark in ("GT-KMSG-READY", "KNOWN-TMPFS-LINE-4095"):
        assert mark in text_of("rg", "-a", "-o", "-F", mark, mount / "memory/ranges")


WALKED = """
for at in {places}:
    try:
        print(hex(at), prog.read(at, 16).hex())
    except Exception as error:
        print(hex(at), type(error).__name__)

"""


def test_drgn_reads_the_same_through_its_own_walk_of_the_page_tables(guest: tuple[str, Path]) -> None:
    _, mount = guest
    rows = [line.split(None, 5) for line in (mount / "memory/virtual/0/map.txt").read_text().splitlines() if line.startswith("0xffff")]
    # small pages of the kernel's half that are RAM: what the segments of the core do not answer for
    places = [int(row[0], 16) for row in rows if len(row) == 5 and row[3] == "4K"]
    assert len(places) > 50
    script = WALKED.format(places=places)
    said = text_of("drgn", "-q", "--no-default-symbols", "-c", mount / "dump/vmcore", given=script).splitlines()
    expected = []
    for at in places:
        with (mount / f"memory/virtual/0/at/{at}+16").open("rb") as file:
            expected.append(f"{at:#x} {file.read().hex()}")
    assert said == expected
