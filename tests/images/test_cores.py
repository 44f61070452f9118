"""Cores and images of the demo and of Linux guests, read back by pyelftools and compared with the guests' own facts."""

from __future__ import annotations

import io
import json
import re
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, write
from corpus import ARM, X86, demo, full, trimmed, truth
from elftools.elf.elffile import ELFFile
from scattered import scattered
from vcpu_payloads import CORE

import snapfs
from snapfs.blob import Blob, settle
from snapfs.errors import SnapfsError, Unfinished
from snapfs.images import cores as cores_module
from snapfs.images.cores import Cores
from snapfs.tree import Dir, root

LINUX = [*X86, *ARM]
# the order of struct user_regs_struct of x86_64 in linux, arch/x86/include/asm/user_64.h
USER = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"


class Reader(io.RawIOBase):
    """A blob as a file that pyelftools reads."""

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self.at = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.blob.size)[whence]
        return self.at

    def read(self, size: int = -1) -> bytes:
        data = self.blob.pread(self.at, self.blob.size if size < 0 else size)
        self.at += len(data)
        return data


def blob(tree: Dir, path: str) -> Blob:
    return (tree / path).blob()  # type: ignore[attr-defined,no-any-return]


def elf(tree: Dir, name: str) -> ELFFile:
    return ELFFile(Reader(blob(tree, f"dump/{name}")))


def notes(file: ELFFile) -> list[Any]:
    return list(file.get_segment(0).iter_notes())


def loads(file: ELFFile) -> list[Any]:
    return [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD"]


@pytest.fixture(scope="module")
def tree() -> Iterator[Dir]:
    with snapfs.open(demo()) as snap:
        yield root(snap)


def registers(contents: bytes) -> dict[str, int]:
    return dict(zip(USER.split(), struct.unpack_from("<27Q", contents, 112), strict=True))


def test_a_guest_that_is_not_linux_has_registers_and_physical_memory(tree: Dir) -> None:
    file = elf(tree, "vmcore")
    assert [(n["n_name"], n["n_descsz"]) for n in notes(file)] == [("CORE", 336), ("CORE", 336), ("QEMU", 440), ("QEMU", 440)]
    (load,) = loads(file)
    assert (load["p_paddr"], load["p_filesz"], load["p_vaddr"]) == (0, 16 << 20, 0)
    assert load["p_offset"] % 4096 == 0
    assert load.data() == blob(tree, "memory/physical").pread(0, 16 << 20)
    assert load["p_offset"] + load["p_filesz"] == blob(tree, "dump/vmcore").size


def test_the_notes_have_the_registers_that_the_guest_loaded(tree: Dir) -> None:
    facts = truth("demo")["vcpus"]["1"]
    for file, index in ((elf(tree, "vmcore"), 1), (elf(tree, "gdb-1.core"), 0)):
        found = notes(file)[index]
        contents = found["n_descdata"]
        assert struct.unpack_from("<i", contents, 32) == (2,)
        regs = registers(contents)
        assert {name: regs[name] for name in facts["gprs"]} == {name: int(v, 16) for name, v in facts["gprs"].items()}
        low, high = (int(v, 16) for v in facts["rip_range"])
        assert low <= regs["rip"] < high
        assert (regs["cs"], regs["ss"], regs["gs_base"]) == (int(facts["cs"], 16), int(facts["ss"], 16), int(facts["gs_base"], 16))


def test_the_qemu_note_has_the_control_registers_and_tables(tree: Dir) -> None:
    facts = truth("demo")["vcpus"]["0"]
    contents = notes(elf(tree, "vmcore"))[2]["n_descdata"]
    version, size = struct.unpack_from("<II", contents)
    assert (version, size) == (1, 440)
    cr = struct.unpack_from("<5Q", contents, 392)
    assert (cr[0], cr[3], cr[4]) == tuple(int(facts[f"cr{n}"], 16) for n in (0, 3, 4))
    # the segments stand in the order cs ds es fs gs ss ldt tr gdt idt
    for index, name in ((7, "tss"), (8, "gdt"), (9, "idt")):
        _, limit, _, _, base = struct.unpack_from("<IIIIQ", contents, 152 + 24 * index)
        assert (base, limit) == (int(facts[name]["base"], 16), int(facts[name]["limit"], 16))


@pytest.mark.parametrize("vcpu", [0, 1])
def test_a_vcpus_core_has_every_mapping_of_its_tables(tree: Dir, vcpu: int) -> None:
    segments = loads(elf(tree, f"gdb-{vcpu}.core"))
    for fact in truth("demo")["translations"]:
        if fact["vcpu"] not in ("any", vcpu):
            continue
        va, pa, size = (int(fact[k], 16) for k in ("va", "pa", "size"))
        inside = [s for s in segments if s["p_vaddr"] <= va and va + size <= s["p_vaddr"] + s["p_filesz"]]
        if pa >= 16 << 20:
            assert not inside  # device registers
            continue
        (segment,) = inside
        assert segment["p_paddr"] + va - segment["p_vaddr"] == pa
        data = segment.data()[va - segment["p_vaddr"] :][:size]
        assert data == blob(tree, f"memory/at/{pa}+{size}").pread(0, size)


def test_nothing_is_looked_for_until_a_core_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with snapfs.open(demo()) as snap:
        fresh = root(snap)
        with monkeypatch.context() as patch:
            patch.setattr(type(snap.memory), "read", lambda *_: pytest.fail("guest memory was read"))
            sizes = {name: node.size for name, node in (fresh / "dump").children.items()}  # type: ignore[attr-defined]
            blocks = {name: list(node.blob().extents()) for name, node in (fresh / "dump").children.items() if node.huge}  # type: ignore[attr-defined]
        for name, extents in blocks.items():
            assert extents[-1].end == sizes[name] == blob(fresh, f"dump/{name}").size
            assert len(blob(fresh, f"dump/{name}").pread(0, sizes[name])) == sizes[name]


def test_lime_has_a_head_before_every_range(tree: Dir) -> None:
    data = blob(tree, "dump/memory.lime")
    assert struct.unpack("<IIQQQ", data.pread(0, 32)) == (0x4C694D45, 1, 0, (16 << 20) - 1, 0)
    assert data.pread(32, 1 << 20) == blob(tree, "memory/physical").pread(0, 1 << 20)


def test_a_cut_memory_file_makes_shorter_segments_never_zeros(tmp_path: Path) -> None:
    for name in ("config.json", "state.json", "memory-ranges"):
        (tmp_path / name).write_bytes((demo() / name).read_bytes())
    with (tmp_path / "memory-ranges").open("r+b") as file:
        file.truncate(10 << 20)
    with snapfs.open(tmp_path) as snap:
        cut = root(snap)
        (load,) = loads(elf(cut, "vmcore"))
        assert (load["p_filesz"], load["p_memsz"]) == (10 << 20, 10 << 20)
        assert load["p_offset"] + (10 << 20) == blob(cut, "dump/vmcore").size
        assert blob(cut, "dump/memory.lime").size == (10 << 20) + 32


def test_segments_are_whole_pages_where_a_memory_file_is_cut_inside_of_one(tmp_path: Path) -> None:
    rows = [(0x8000_0000, 2 << 20), (0, 16 << 20)]
    state = json.loads((demo() / "state.json").read_text())
    node = state["snapshots"]["memory-manager"]["snapshot_data"]
    table = json.loads(node["state"])
    table["memory_ranges"]["data"] = [{"gpa": gpa, "length": length} for gpa, length in rows]
    node["state"] = json.dumps(table)
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "config.json").write_bytes((demo() / "config.json").read_bytes())
    # the range that is cut is the last of the file and the first by address
    (tmp_path / "memory-ranges").write_bytes(b"hotplug." * (1 << 18) + (demo() / "memory-ranges").read_bytes()[: (9 << 20) + 123])
    with snapfs.open(tmp_path) as snap:
        tree = root(snap)
        for name in ("vmcore", "gdb-0.core"):
            assert all(load[place] % 4096 == 0 for load in loads(elf(tree, name)) for place in ("p_offset", "p_paddr", "p_filesz"))
        first, second = loads(elf(tree, "vmcore"))
        assert (first["p_paddr"], first["p_filesz"]) == (0, 9 << 20)
        assert (second["p_paddr"], second["p_filesz"]) == (0x8000_0000, 2 << 20)
        assert blob(tree, "dump/vmcore").pread(second["p_offset"], 16) == b"hotplug." * 2
        # an image without pages has every byte
        assert blob(tree, "dump/memory.lime").size == (11 << 20) + 123 + 2 * 32


def test_damaged_registers_leave_the_other_vcpus_notes(tmp_path: Path) -> None:
    for name in ("config.json", "memory-ranges"):
        (tmp_path / name).write_bytes((demo() / name).read_bytes())
    state = json.loads((demo() / "state.json").read_text())
    cpu = state["snapshots"]["cpu-manager"]["snapshots"]["0"]
    payload = json.loads(cpu["snapshot_data"]["state"])
    payload["Kvm"]["regs"] = payload["Kvm"]["regs"][:50]
    cpu["snapshot_data"]["state"] = json.dumps(payload)
    (tmp_path / "state.json").write_text(json.dumps(state))
    with snapfs.open(tmp_path) as snap:
        found = notes(elf(root(snap), "vmcore"))
        assert [n["n_name"] for n in found] == ["CORE", "QEMU"]
        assert struct.unpack_from("<i", found[0]["n_descdata"], 32) == (2,)


@pytest.mark.parametrize("name", LINUX)
def test_a_core_without_memory_still_has_every_vcpu(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        cores = Cores(snap.memory, snap.vcpus)
        file = ELFFile(Reader(cores.vmcore))
        assert file["e_machine"] == ("EM_AARCH64" if name in ARM else "EM_X86_64")
        found = [n for n in notes(file) if n["n_name"] == "CORE"]
        assert len(found) == len(snap.vcpus)
        assert {len(n["n_descdata"]) for n in found} == {392 if name in ARM else 336}


@pytest.mark.parametrize("name", LINUX)
def test_vmcoreinfo_of_a_linux_guest_is_the_one_that_the_guest_names(name: str) -> None:
    said = truth(name).get("vmcoreinfo")
    if not said:
        pytest.skip("the guest did not say where its VMCOREINFO is")
    address, length = (int(part, 16) for part in said.split())
    with snapfs.open(full(name)) as snap:
        started = time.monotonic()
        cores = Cores(snap.memory, snap.vcpus)
        assert cores.linux is not None
        assert address <= cores.linux.info.address < address + length
        assert cores.linux.release == truth(name)["uname"].split()[2]
        found = [n for n in notes(ELFFile(Reader(cores.vmcore))) if n["n_name"] == "VMCOREINFO"]
        assert [n["n_descdata"] for n in found] == [cores.linux.info.contents]
        assert cores.linux.banner(snap.memory) == truth(name)["version"].strip()
        assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", LINUX)
def test_the_image_segment_ends_with_the_image(name: str) -> None:
    # right behind it, an aarch64 kernel has its vmalloc area
    with snapfs.open(full(name)) as snap:
        cores = Cores(snap.memory, snap.vcpus)
        image, *ranges = loads(ELFFile(Reader(cores.vmcore)))
        assert len(ranges) == len(snap.memory.ranges)
        assert cores.linux is not None
        for offset in (0, image["p_filesz"] - 1):
            assert cores.linux.space.translate(image["p_vaddr"] + offset).physical == image["p_paddr"] + offset
        behind = cores.linux.space.translate(image["p_vaddr"] + image["p_filesz"]).physical
        assert behind != image["p_paddr"] + image["p_filesz"]


@pytest.mark.parametrize("name", LINUX)
def test_the_kernels_image_and_direct_map_are_where_the_guest_says(name: str) -> None:
    code = re.search(r"([0-9a-f]+)-[0-9a-f]+ : Kernel code", truth(name)["iomem"])
    with snapfs.open(full(name)) as snap:
        kernel = Cores(snap.memory, snap.vcpus).linux
        assert kernel is not None
        assert kernel.image is not None
        assert kernel.direct is not None
        if name in X86:
            # Documentation/arch/x86/x86_64/mm.rst, four levels without KASLR
            assert kernel.direct == 0xFFFF_8880_0000_0000
        if code:
            start = int(code[1], 16)
            assert kernel.image.physical <= start < kernel.image.physical + kernel.image.length
            image = kernel.space.translate(kernel.image.virtual + start - kernel.image.physical)
            assert image.physical == start
            assert kernel.space.translate(kernel.direct + start & (1 << 64) - 1).physical == start


def test_every_mapping_of_a_scattered_program_is_there_beyond_what_the_head_can_count(tmp_path: Path) -> None:
    with snapfs.open(scattered(tmp_path, 70_000)) as snap:
        file = elf(root(snap), "gdb-0.core")
        assert file["e_phnum"] == 0xFFFF
        count = file.num_segments()
        assert count > 70_000
        segment = file.get_segment(1 + 1 + 69_999)
        assert (segment["p_vaddr"], segment["p_filesz"]) == ((1 << 39) + (69_999 << 12), 4096)
        assert segment["p_paddr"] == 0x200_0000 + (69_999 * 2 % 0x1_8000 << 12)


def test_a_head_that_takes_long_says_so_and_goes_on_when_it_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores_module, "_PATIENCE", 0.0)
    with snapfs.open(demo()) as snap:
        head = blob(root(snap), "dump/vmcore")
        with pytest.raises(Unfinished, match="dump/HOWTO"):
            head.pread(0, 4)
        # 16 MiB of RAM, nearly empty: a few steps
        for _ in range(100):
            with suppress(Unfinished):
                assert head.pread(0, 4) == b"\x7fELF"
                break
        else:
            pytest.fail("the search does not come to an end")
        again = blob(root(snap), "dump/vmcore")
        settle(again)
        assert again.pread(0, 4) == b"\x7fELF"


def test_the_head_of_a_core_over_hostile_tables_is_made_in_seconds(tmp_path: Path) -> None:
    # the last table leads to itself from every entry: 2^36 paths, and pages of which no two follow each other
    with snapfs.open(scattered(tmp_path, 8)) as snap:
        cr3 = int(truth("demo")["vcpus"]["0"]["cr3"], 16)
        with (tmp_path / "memory-ranges").open("r+b") as file:
            file.seek(cr3)
            file.write((cr3 | 7).to_bytes(8, "little") * 256)
        cores = Cores(snap.memory, snap.vcpus)
        started = time.process_time()
        head = cores.gdb(0).pread(0, 1 << 20)
        assert time.process_time() - started < 20
        assert head[:4] == b"\x7fELF"
        assert cores.vmcore.pread(0, 4) == b"\x7fELF"


def test_a_program_cannot_push_the_kernel_out_of_a_core(tmp_path: Path) -> None:
    with snapfs.open(scattered(tmp_path, 200_000)) as snap:
        cores = Cores(snap.memory, snap.vcpus)
        file = ELFFile(Reader(cores.gdb(0)))
        assert file.num_segments() == cores.segments + 1
        last = file.get_segment(cores.segments)
        heap = max(int(f["va"], 16) for f in truth("demo")["translations"] if f["what"] == "heap")
        assert last["p_vaddr"] == heap


@pytest.mark.parametrize("name", ARM)
def test_the_notes_of_an_aarch64_vcpu_have_the_registers_that_the_program_loaded(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        contents = notes(ELFFile(Reader(Cores(snap.memory, snap.vcpus).gdb(1))))[0]["n_descdata"]
        # struct user_pt_regs of linux, arch/arm64/include/uapi/asm/ptrace.h
        *general, _, pc, pstate = struct.unpack_from("<34Q", contents, 112)
        assert general == [(n + 1) << 56 | 0x0011_AAAA_0000_AB00 | n for n in range(31)]
        assert pc == 0x400A04
        assert (pstate >> 28, pstate & 0xF) == (0b0100, 0)


@pytest.mark.parametrize(("el", "bits"), [(0, 48), (1, 52)])
@pytest.mark.parametrize("signs", [0, 1 << 31, 1 << 30])
def test_the_core_of_an_aarch64_vcpu_says_which_bits_of_an_address_are_its_signature(
    tmp_path: Path, signs: int, el: int, bits: int
) -> None:
    # SCTLR_EL1.M with EnIA or EnIB; TCR_EL1: T0SZ 16, T1SZ 12, granules of 64K
    values = {0x603000000013C080: 1 | signs, 0x603000000013C100: 0, 0x603000000013C101: 0, 0x603000000013C102: 0xC00C_4010}
    core = {**CORE, "regs": {**CORE["regs"], "pstate": el << 2 | el}}
    payload = {"Kvm": {"mp_state": [0] * 4, "core_regs": core, "sys_regs": [list(struct.pack("<QQ", *item)) for item in values.items()]}}
    with snapfs.open(write(tmp_path / "pac", Machine("D", [payload]))) as snap:
        found = notes(elf(root(snap), "gdb-0.core"))[2:]
        said = [(n["n_name"], n["n_type"]) for n in found]
        assert said == ([("CORE", "NT_AUXV"), ("LINUX", 0x406)] if signs else [])
        if signs:
            # linux: AT_HWCAP with HWCAP_PACA, AT_NULL; struct user_pac_mask, GENMASK(54, VA_BITS) twice
            assert struct.unpack_from("<4Q", found[0]["n_descdata"]) == (16, 1 << 30, 0, 0)
            assert struct.unpack_from("<2Q", found[1]["n_descdata"]) == ((1 << 55) - (1 << bits),) * 2


def test_the_notes_of_a_riscv64_vcpu_are_in_the_order_of_user_regs_struct(tmp_path: Path) -> None:
    core = list(struct.pack("<33Q", *(0x1000 + n for n in range(32)), 1))
    payload = {"Kvm": {"mp_state": [0, 0, 0, 0], "core_regs": core, "non_core_regs": []}}
    with snapfs.open(write(tmp_path / "riscv", Machine("D", [payload]))) as snap:
        file = elf(root(snap), "vmcore")
        assert file["e_machine"] == "EM_RISCV"
        (found,) = notes(file)
        assert struct.unpack_from("<32Q", found["n_descdata"], 112) == tuple(0x1000 + n for n in range(32))


def test_a_vcpu_of_which_parts_were_not_saved_has_no_note_and_harms_no_other(tmp_path: Path) -> None:
    payloads = [{"Kvm": {"regs": {}, "sregs": {}}}, {"Kvm": {"sregs": {}, "lapic_state": {}}}, {"Kvm": {}}, {}, None]
    with snapfs.open(write(tmp_path / "parts", Machine("D", payloads))) as snap:
        tree = root(snap)
        assert notes(elf(tree, "vmcore")) == []
        for number in range(2):
            with pytest.raises(SnapfsError):
                blob(tree, f"dump/gdb-{number}.core").pread(0, 64)
        for number in range(2, 5):
            # nothing is known of the vCPU, not even what kind it is: memory alone
            assert loads(elf(tree, f"gdb-{number}.core"))[0]["p_filesz"] == 4096
        for number in range(5):
            assert (tree / f"memory/virtual/{number}").children  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["v53.0-aarch64-linux"])
def test_the_vector_registers_of_an_aarch64_vcpu_are_in_its_core(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        found = notes(ELFFile(Reader(Cores(snap.memory, snap.vcpus).gdb(1))))[1]
        contents = found["n_descdata"]
        assert (found["n_type"], len(contents)) == ("NT_FPREGSET", 528)
        for n in range(32):
            # the corpus's own account of what the program loaded
            assert contents[16 * n : 16 * n + 16] == bytes((n << 3 | (j & 7)) ^ (0x5A if j > 7 else 0) for j in range(16))
        assert struct.unpack_from("<II", contents, 512) == (0x10, 1 << 24)
