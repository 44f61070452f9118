"""What HOWTO says of a guest, and that what it says works."""

from __future__ import annotations

import pytest
from corpus import ARM, X86, demo, full, truth

import snapfs
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
