"""The Python API as the README shows it, and as type checkers see it."""

import subprocess
import sys
from pathlib import Path

import pytest
from corpus import demo

import snapfs
from snapfs import images, tree

USER = """
import snapfs

with snapfs.open("web-1") as snap:
    size: int = snap.config.memory.size
    data: bytes = snap.memory.read(0x1000, 64)
    rip: int = snap.vcpus[0].regs.rip
    efer: int = snap.vcpus[0].msrs["IA32_EFER"]
    print(snap.devices["_net0"].kind, snapfs.tree.root(snap) / "vcpus/0/regs/rip", snapfs.images.vmcore(snap).pread(0, 64))
"""


def test_a_strict_type_checker_accepts_what_users_write(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is in the dependency group lint")
    script = tmp_path / "user.py"
    script.write_text(USER)
    check = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout


def test_model_and_tree_give_the_same_register() -> None:
    with snapfs.open(demo()) as snap:
        rip = snap.vcpus[1].regs.rip
        assert int((tree.root(snap) / "vcpus/1/regs/rip").read_text(), 16) == rip
        assert snap.memory.read(0x20000, 30) == b"station=skerry-rock lamp=green"


def test_images_are_functions_of_a_snapshot() -> None:
    with snapfs.open(demo()) as snap:
        root = tree.root(snap)
        for image, path in (
            (images.physical(snap), "memory/physical"),
            (images.vmcore(snap), "dump/vmcore"),
            (images.gdb_core(snap, 1), "dump/gdb-1.core"),
            (images.lime(snap), "dump/memory.lime"),
        ):
            file = root / path
            assert isinstance(file, tree.File)
            assert image.size == file.size
            assert image.pread(0, 1 << 16) == file.blob().pread(0, 1 << 16)


def test_a_part_that_this_kind_has_not_is_said_with_those_that_it_has() -> None:
    with snapfs.open(demo()) as snap, pytest.raises(AttributeError, match=r"KvmX86Vcpu has no sysregs; it has regs, sregs"):
        _ = snap.vcpus[0].sysregs
