"""What HOWTO says of a guest, and that what it says works."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import ARM, X86, demo, full, truth

import snapfs
from snapfs.formats.elf_core import note
from snapfs.guest import linux
from snapfs.guest.paging.mappings import Mappings
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
    assert "crash" not in said


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
