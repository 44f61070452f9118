"""`memory/virtual/` of the demo against the facts of its guest, and of Linux guests against their own /proc/iomem."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import ARM, X86, demo, full, truth

import snapfs
from snapfs.errors import AddressError, NoSuchNode
from snapfs.guest.paging.mappings import Mappings
from snapfs.tree import Dir, root
from snapfs.tree import virtual as virtual_module
from snapfs.tree.nodes import ImageFile, StreamFile

FACTS = truth("demo")["translations"]


@pytest.fixture(scope="module")
def tree() -> Iterator[Dir]:
    with snapfs.open(demo()) as snap:
        yield root(snap)


def text(tree: Dir, path: str) -> str:
    return (tree / path).read_text()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("fact", FACTS, ids=[f"{f['vcpu']}-{f['va']}" for f in FACTS])
def test_v2p_and_p2v_of_the_demo_are_what_its_guest_says(tree: Dir, fact: dict[str, str]) -> None:
    vcpus = ("0", "1") if fact["vcpu"] == "any" else (str(fact["vcpu"]),)
    size = int(fact["size"], 16)
    for vcpu in vcpus:
        for offset in {0, size // 2 + 3, size - 1}:
            va, pa = int(fact["va"], 16) + offset, int(fact["pa"], 16) + offset
            said = text(tree, f"memory/virtual/{vcpu}/v2p/0x{va:x}").splitlines()[0].split(" ", 3)
            assert said[0] == f"0x{pa:016x}"
            assert said[2][:3] == fact["perm"]
            assert (said[3:] == ["not RAM"]) == (pa >= 16 << 20)
            assert f"0x{va:016x}" in text(tree, f"memory/virtual/{vcpu}/p2v/{pa}").splitlines()


def test_the_map_of_the_demo_has_every_translation_and_rights(tree: Dir) -> None:
    for vcpu in (0, 1):
        rows = [line.split() for line in text(tree, f"memory/virtual/{vcpu}/map.txt").splitlines() if not line.startswith("#")]
        for fact in FACTS:
            if fact["vcpu"] not in ("any", vcpu):
                continue
            va, size = int(fact["va"], 16), int(fact["size"], 16)
            (row,) = [r for r in rows if int(r[0], 16) <= va < int(r[1], 16)]
            assert va + size <= int(row[1], 16)
            assert int(row[2], 16) + va - int(row[0], 16) == int(fact["pa"], 16)
            assert row[4][:3] == fact["perm"]


def test_one_address_reads_differently_on_each_vcpu_of_the_demo(tree: Dir) -> None:
    percpu = {f["vcpu"]: int(f["pa"], 16) for f in FACTS if f["what"] == "percpu"}
    window = [(tree / f"memory/virtual/{n}/at/0xffffc00000000000+256").blob().pread(0, 256) for n in (0, 1)]  # type: ignore[attr-defined]
    assert window[0] != window[1]
    for n in (0, 1):
        assert window[n] == (tree / f"memory/at/{percpu[n]}+256").blob().pread(0, 256)  # type: ignore[attr-defined]


def test_a_window_over_scattered_pages_is_read_in_the_order_of_virtual_addresses(tree: Dir) -> None:
    heap = sorted((int(f["va"], 16), int(f["pa"], 16)) for f in FACTS if f["what"] == "heap" and f["vcpu"] == "any")
    start, length = heap[0][0], len(heap) << 12
    got = (tree / f"memory/virtual/0/at/{start:#x}+{length}").blob()  # type: ignore[attr-defined]
    assert got.size == length
    expected = b"".join((tree / f"memory/at/{pa:#x}").blob().pread(0, 4096) for _, pa in heap)  # type: ignore[attr-defined]
    assert got.pread(0, length) == expected
    assert got.pread(4000, 200) == expected[4000:4200]
    assert got.view(4000, 200) == expected[4000:4200]


def test_what_is_not_mapped_is_an_error_behind_the_bytes_that_are(tree: Dir) -> None:
    blob = (tree / "memory/virtual/0/at/0xffffc00000000000+8192").blob()  # type: ignore[attr-defined]
    assert len(blob.pread(0, 8192)) == 4096
    with pytest.raises(AddressError, match="not mapped"):
        blob.pread(4096, 1)
    assert [tuple(e) for e in blob.extents() if e.kind == "gap"] == [(4096, 8192, "gap")]


def test_device_registers_are_mapped_and_not_readable(tree: Dir) -> None:
    with pytest.raises(AddressError):
        (tree / "memory/virtual/0/at/0xffffd00000000000").blob().pread(0, 4)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("address", "why"),
    [("0xffffe00000000000", "PML4E: not present"), ("0x0000800000000000", "not canonical"), ("18446603336221196288", "PML4E 256 at")],
)
def test_an_address_without_translation_says_why(tree: Dir, address: str, why: str) -> None:
    said = text(tree, f"memory/virtual/0/v2p/{address}")
    assert said.startswith("not mapped")
    assert why in said


@pytest.mark.parametrize("name", ["", "0x", "-1", "0x1+", "+1", "0x1_0", "1e3", "0x10000000000000000", "0x1+0", " 1", "１"])
@pytest.mark.parametrize("where", ["at", "virtual/0/at", "virtual/0/v2p", "virtual/0/p2v"])
def test_other_names_are_not_there(tree: Dir, where: str, name: str) -> None:
    directory = tree / f"memory/{where}"
    assert isinstance(directory, Dir)
    assert directory.get(name) is None
    assert dict(directory.children) == {}


def test_a_length_is_no_part_of_an_address(tree: Dir) -> None:
    with pytest.raises(NoSuchNode):
        tree / "memory/virtual/0/v2p/0x1000+4"
    assert isinstance(tree / "memory/virtual/0/at/0X1000+0X40", ImageFile)


def test_maps_are_made_when_they_are_read(tree: Dir) -> None:
    node = tree / "memory/virtual/0/map.txt"
    assert isinstance(node, StreamFile)
    assert node.size == 0


@pytest.mark.parametrize("name", [n for n in X86 if "linux" in n])
def test_kernel_code_is_mapped_where_the_guest_says_it_is(name: str) -> None:
    code = re.search(r"([0-9a-f]+)-([0-9a-f]+) : Kernel code", truth(name)["iomem"])
    assert code
    with snapfs.open(full(name)) as snap:
        walk = text(root(snap), f"memory/virtual/0/p2v/0x{code[1]}")
        # without address randomisation the kernel is linked to run at this distance
        assert f"0x{0xFFFFFFFF80000000 + int(code[1], 16):016x}" in walk.splitlines()
        said = text(root(snap), f"memory/virtual/0/v2p/0x{0xFFFFFFFF80000000 + int(code[1], 16):x}")
        assert said.split()[0] == f"0x{int(code[1], 16):016x}"
        assert said.split()[2] == "r-x-g"


# in v39.0 the program was caught inside the kernel
SPINNING = [n for n in (*X86, *ARM) if not n.startswith("v39.0")]


@pytest.mark.parametrize("name", SPINNING)
def test_the_spinning_program_is_mapped_for_its_user_to_run(name: str) -> None:
    with snapfs.open(full(name)) as snap:
        number = 0 if name.startswith("v51.0") else 1
        pc = snap.vcpus[number].pc
        assert pc is not None
        if name in ARM:
            assert pc == 0x400A04  # the corpus's own account
        said = text(root(snap), f"memory/virtual/{number}/v2p/{pc}").split()
        assert said[1:3] == ["4K", "r-xu-"]
        # a branch to itself: jmp on x86_64, b on aarch64
        jump, width = (b"\x00\x00\x00\x14", 4) if name in ARM else (b"\xeb\xfe", 2)
        assert (root(snap) / f"memory/virtual/{number}/at/{pc}+{width}").blob().pread(0, width) == jump  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ARM)
def test_the_image_of_an_aarch64_kernel_is_mapped_through_ttbr1(name: str) -> None:
    code = re.search(r"([0-9a-f]+)-([0-9a-f]+) : Kernel code", truth(name)["iomem"])
    assert code
    with snapfs.open(full(name)) as snap:
        tree = root(snap)
        # _stext is 64 KiB behind the image's head, which is not run (linux, arch/arm64/kernel/vmlinux.lds.S)
        found = text(tree, f"memory/virtual/0/p2v/{int(code[1], 16) + 0x10000}").split()
        rights = {text(tree, f"memory/virtual/0/v2p/{va}").split()[2] for va in found}
        # once to run, in the image, and once in the linear map, where nothing may be run
        assert any(r[2] == "x" and "w" not in r and "u" not in r for r in rights)
        assert any(r[2] == "-" for r in rights)
        assert text(tree, f"memory/virtual/0/v2p/{found[0]}").splitlines()[1].startswith("level 0 entry")


def test_a_reverse_look_up_finds_every_address_of_a_page(tree: Dir) -> None:
    # the heap is mapped by its own tables and, with all of RAM, one to one
    (fact,) = [f for f in FACTS if f["va"] == "0xffffffffa0003000"]
    found = text(tree, f"memory/virtual/0/p2v/{int(fact['pa'], 16) + 0x123}").split()
    assert found == [f"0x{int(fact['pa'], 16) + 0x123:016x}", "0xffffffffa0003123"]


def test_the_map_of_hostile_tables_ends_with_a_sentence_after_so_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.json", "state.json", "memory-ranges"):
        (tmp_path / name).write_bytes((demo() / name).read_bytes())
    cr3 = int(truth("demo")["vcpus"]["0"]["cr3"], 16)
    with (tmp_path / "memory-ranges").open("r+b") as file:
        file.seek(cr3)
        file.write((cr3 | 7).to_bytes(8, "little") * 512)
    monkeypatch.setattr(virtual_module, "_LINES", 5000)
    with snapfs.open(tmp_path) as snap:
        tree = root(snap)
        lines = text(tree, "memory/virtual/0/map.txt").splitlines()
        assert len([line for line in lines if not line.startswith("#")]) == 5000
        assert lines[-1].startswith("# stopped: more than 5000 runs")
        # every page is the table itself: the first addresses that lead to it follow each other
        found = text(tree, f"memory/virtual/0/p2v/{cr3 + 5}").splitlines()
        assert found[:2] == ["0x0000000000000005", "0x0000000000001005"]
        assert found[-1].startswith("# stopped: more than 5000 virtual addresses")
        assert text(tree, "memory/virtual/0/p2v/0x1000") == ""


def test_a_long_reverse_look_up_that_finds_nothing_is_answered_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.json", "state.json", "memory-ranges"):
        (tmp_path / name).write_bytes((demo() / name).read_bytes())
    chance = random.Random(0)
    cr3 = int(truth("demo")["vcpus"]["0"]["cr3"], 16)
    with (tmp_path / "memory-ranges").open("r+b") as file:
        # tables that lead to each other at random: more paths than can be looked at
        for table in (cr3, *range(8 << 20, 9 << 20, 4096)):
            file.seek(table)
            file.write(b"".join((chance.randrange(8 << 20, 9 << 20) & ~0xFFF | 7).to_bytes(8, "little") for _ in range(512)))
    monkeypatch.setattr(Mappings, "BREATH", 1 << 12)
    with snapfs.open(tmp_path) as snap:
        node = root(snap) / "memory/virtual/0/p2v/0x1000"
        assert isinstance(node, StreamFile)
        pieces = list(itertools.islice(node.pieces(), 64))
    assert len(pieces) == 64
    assert b"".join(pieces) == b"\n" * 16
