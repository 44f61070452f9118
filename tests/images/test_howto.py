"""What HOWTO says of a guest, and that what it says works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from corpus import ARM, X86, demo, full, truth

import snapfs
from snapfs.formats.elf_core import note
from snapfs.guest import linux
from snapfs.guest.linux import Linux
from snapfs.guest.paging import AddressSpace
from snapfs.guest.paging.mappings import Mappings
from snapfs.guest.vmcoreinfo import VmcoreInfo
from snapfs.images.cores import Cores
from snapfs.images.howto import debug_information
from snapfs.images.howto import howto as howto_of
from snapfs.tree import root
from snapfs.tree.nodes import StreamFile


def howto(path: object) -> str:
    with snapfs.open(path) as snap:  # type: ignore[arg-type]
        node = root(snap) / "dump/HOWTO"
        assert isinstance(node, StreamFile)
        first = b"".join(node.pieces()).decode()
        # what was found once is not looked for again, and the text stays the same
        assert b"".join(node.pieces()).decode() == first
        return first


def test_a_guest_that_is_not_linux_is_not_called_linux() -> None:
    said = howto(demo())
    assert "No Linux kernel was recognised" in said
    assert "gdb-0.core" in said
    assert not re.search("makedumpfile|drgn|Debug information|crash /", said)


@pytest.mark.parametrize("name", [*X86, *ARM])
def test_the_commands_are_those_for_this_guest(name: str) -> None:
    said = howto(full(name))
    assert truth(name)["version"].strip() in said
    assert "slide (KASLR)    0x0" in said
    release = truth(name)["uname"].split()[2]
    if "cloud" in release:
        assert f"apt install linux-image-{release}-dbg " in said
        vmlinux = f"/usr/lib/debug/boot/vmlinux-{release}"
    else:
        assert f"the build of {release}" in said
        vmlinux = "vmlinux"
    assert f"crash {vmlinux} vmcore" in said
    assert f"drgn -c vmcore -s {vmlinux}" in said
    assert f"add-symbol-file {vmlinux} -o 0x0" in said
    # all of these kernels have the new ring: crash of Debian 12 says `no log buffer data`
    assert "crash --log vmcore fails on this kernel" in said
    assert "makedumpfile --dump-dmesg vmcore" in said
    assert ("built for: run them on aarch64" in said) == (name in ARM)
    assert all(len(line) < 320 for line in said.splitlines())


def test_tables_without_end_are_told_of_while_they_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.json", "state.json", "memory-ranges"):
        (tmp_path / name).write_bytes((demo() / name).read_bytes())
    table = 10 << 20
    contents = f"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)={0xFFFFFFFF80000000:x}\nNUMBER(phys_base)={table}\nKERNELOFFSET=0\n"
    with (tmp_path / "memory-ranges").open("r+b") as file:
        file.seek(9 << 20)
        file.write(note(b"VMCOREINFO", 0, contents.encode()))
        # a kernel whose one table leads to itself maps that one page everywhere
        file.seek(table)
        file.write((table | 7).to_bytes(8, "little") * 512)
    monkeypatch.setattr(Mappings, "BREATH", 1 << 10)
    monkeypatch.setattr(linux, "_LOOKED_AT", 1 << 15)
    with snapfs.open(tmp_path) as snap:
        pieces = list((root(snap) / "dump/HOWTO").pieces())  # type: ignore[attr-defined]
        # between two pieces is no more than two looks over the tables
        head = b"".join(pieces).partition(b"Guest ")[2].partition(b"\n")[0]
    assert head.strip(b".") == b""
    assert 30 <= len(head) <= 40
    first = next(n for n, piece in enumerate(pieces) if piece == b".")
    assert all(b"." in b"".join(pieces[n : n + 2]) for n in range(first, first + 60))


@pytest.mark.parametrize(
    ("release", "package", "vmlinux"),
    [
        # names of packages as the distributions' archives have them
        ("6.1.0-56-amd64", "linux-image-6.1.0-56-amd64-dbg ", "boot/vmlinux-6.1.0-56-amd64"),
        ("6.12.117+deb13-arm64-16k", "linux-image-6.12.117+deb13-arm64-16k-dbg ", "boot/vmlinux-6.12.117+deb13-arm64-16k"),
        ("6.12.117+deb13-rt-amd64", "linux-image-6.12.117+deb13-rt-amd64-dbg ", "boot/vmlinux-6.12.117+deb13-rt-amd64"),
        ("6.8.0-45-generic-64k", "linux-image-unsigned-6.8.0-45-generic-64k-dbgsym ", "boot/vmlinux-6.8.0-45-generic-64k"),
        ("6.11.4-301.fc41.x86_64", "kernel-6.11.4-301.fc41.x86_64 ", "lib/modules/6.11.4-301.fc41.x86_64/vmlinux"),
        (
            "5.14.0-503.11.1.el9_5.aarch64+64k",
            "kernel-64k-5.14.0-503.11.1.el9_5.aarch64 ",
            "lib/modules/5.14.0-503.11.1.el9_5.aarch64+64k/vmlinux",
        ),
        ("6.4.0-150600.23.7-default", "kernel-default-debuginfo ", "boot/vmlinux-6.4.0-150600.23.7-default.debug"),
        ("6.4.0-150600.23.7-64kb", "kernel-64kb-debuginfo ", "boot/vmlinux-6.4.0-150600.23.7-64kb.debug"),
        ("6.12.0-mine", "", ""),
    ],
)
def test_debug_information_is_named_as_the_distribution_names_it(release: str, package: str, vmlinux: str) -> None:
    info = VmcoreInfo(0, f"OSRELEASE={release}\n".encode())
    said = "\n".join(debug_information(Linux(info, AddressSpace(Nothing(), (), ""), None, None)))
    assert f" {package}" in said
    assert said.endswith(f"-> /usr/lib/debug/{vmlinux}" if vmlinux else f"the build of {release} (not bzImage).")


@pytest.mark.parametrize(("mask", "signs"), [("0xfff0000000000000", True), ("0x0", False), (None, False)])
def test_a_kernel_that_signs_return_addresses_needs_a_new_gdb(mask: str | None, signs: bool) -> None:
    line = f"NUMBER(KERNELPACMASK)={mask}\n" if mask else ""
    with snapfs.open(demo()) as snap:
        cores = Cores(snap.memory, snap.vcpus)
        cores._linux = Linux(VmcoreInfo(0, f"OSRELEASE=6.12.0\n{line}".encode()), AddressSpace(snap.memory, (), ""), None, None)
        cores._looked = True
        said = b"".join(howto_of(cores)).decode()
        assert ("signs its return addresses" in said) == signs


class Nothing:
    """Memory that nobody looks into."""

    def read(self, gpa: int, length: int) -> bytes:
        raise AssertionError(gpa, length)
