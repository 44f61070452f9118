"""Registers through real mounts, against what a program in each guest had loaded: the whole path from the file to the kernel and back."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import corpus
import pytest
import synthetic
import vcpu_payloads
from mounted import mounted, requires_fuse

import snapfs
from snapfs.tree.nodes import Dir, File

pytestmark = requires_fuse

# in v39.0 the program was caught inside the kernel; in v51.0 it ran on the vCPU that the guest had booted with
SPINNER = {name: 0 if name.startswith("v51.0") else 1 for name in corpus.REAL if not name.startswith("v39.0")}
X86 = [name for name in SPINNER if "x86_64" in name]
LOADED = "rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15".split()  # noqa: SIM905
MADE = ("v0.7.0-x86_64", "v0.11.0-aarch64", "v15.0-x86_64", "v43.0-riscv64", "v46.0-aarch64-mshv", "v39.0-x86_64-mshv")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All real fixtures and some synthetic snapshots under one mount, a directory each."""
    scratch = tmp_path_factory.mktemp("made")
    made = [synthetic.build(name, scratch / f"made-{name}") for name in MADE]
    with mounted(*(corpus.trimmed(name) for name in corpus.REAL), *made, at=tmp_path_factory.mktemp("mount") / "m") as at:
        yield at


def read(path: Path) -> str:
    text = path.read_text()
    assert path.stat().st_size == len(text.encode())
    return text


@pytest.mark.parametrize("name", X86)
def test_x86_64_registers_are_those_that_the_program_loaded(name: str, everything: Path) -> None:
    vcpu = everything / name / "vcpus" / str(SPINNER[name])
    for n, register in enumerate(LOADED, 1):
        assert read(vcpu / "regs" / register) == f"0x{f'{n:x}' * 4}aaaa{n:08x}\n"
    assert "CF" in read(vcpu / "regs/rflags.flags").split()
    for i in range(16):
        loaded = int.from_bytes(bytes(i << 4 | j for j in range(16)), "little")
        assert read(vcpu / f"xsave/xmm{i}") == read(vcpu / f"fpu/xmm{i}") == f"0x{loaded:032x}\n"
    # KVM leaves the fpu's own mxcsr zero
    assert int(read(vcpu / "xsave/mxcsr"), 0) == 0x9F80
    assert [extended(int(read(vcpu / f"fpu/st{i}"), 0)) for i in range(3)] == [1e100, -2.5, 3.14159265358979]


def extended(value: int) -> float:
    """An x87 register of 80 bits as a number: sign, exponent, and a fraction whose integer bit is written."""
    sign = -1.0 if value >> 79 else 1.0
    return sign * (value & (1 << 64) - 1) * 2.0 ** ((value >> 64 & 0x7FFF) - 16383 - 63)


@pytest.mark.parametrize("name", corpus.ARM)
def test_aarch64_registers_are_those_that_the_program_loaded(name: str, everything: Path) -> None:
    vcpu = everything / name / "vcpus/1"
    for n in range(31):
        assert read(vcpu / f"regs/x{n}") == f"0x{(n + 1) << 56 | 0x0011AAAA0000AB00 | n:016x}\n"
    for n in range(32):
        loaded = bytes((n << 3 | (j & 7)) ^ (0x5A if j > 7 else 0) for j in range(16))
        assert read(vcpu / f"fpsimd/v{n}") == f"0x{int.from_bytes(loaded, 'little'):032x}\n"
    assert read(vcpu / "regs/pc") == "0x0000000000400a04\n"
    assert read(vcpu / "sysregs/TPIDR_EL0") == "0x7e1d0000cafe0001\n"
    assert (read(vcpu / "fpsimd/fpcr.flags"), read(vcpu / "fpsimd/fpsr.flags")) == ("FZ\n", "IXC\n")
    assert {"Z"} == {"N", "Z", "C", "V"} & set(read(vcpu / "regs/pstate.flags").split())


@pytest.mark.parametrize("name", MADE)
def test_registers_of_releases_without_a_real_capture(name: str, everything: Path) -> None:
    vcpu = everything / f"made-{name}" / "vcpus/0"
    if "x86_64" in name:
        assert read(vcpu / "regs/r15") == f"0x{vcpu_payloads.X86['r15']:016x}\n"
        assert read(vcpu / "sregs/cr3") == f"0x{vcpu_payloads.X86['cr3']:016x}\n"
    elif "riscv64" in name:
        assert read(vcpu / "regs/t6") == "0x000000000000101f\n"
        assert read(vcpu / "csrs/satp.flags") == "MODE=Sv39\n"
    else:
        assert read(vcpu / "regs/x30") == f"0x{vcpu_payloads.CORE['regs']['regs'][30]:016x}\n"


@pytest.mark.parametrize("name", [*corpus.ARM, "v38.0-x86_64-small"])
def test_the_mount_and_the_python_api_agree_on_every_file_of_a_vcpu(name: str, everything: Path) -> None:
    def texts(node: Dir, where: str) -> Iterator[tuple[str, bytes]]:
        for child, inside in node.children.items():
            if isinstance(inside, Dir):
                yield from texts(inside, f"{where}/{child}")
            elif isinstance(inside, File):
                yield f"{where}/{child}", inside.read_bytes()

    at = everything / name / "vcpus/0"
    with snapfs.open(corpus.trimmed(name)) as snap:
        vcpu = snapfs.tree.root(snap) / "vcpus/0"
        assert isinstance(vcpu, Dir)
        expected = dict(texts(vcpu, ""))
    found = {f"{path}/{file}".removeprefix(str(at)): (Path(path) / file).read_bytes() for path, _, files in os.walk(at) for file in files}
    assert found == expected


@pytest.mark.parametrize("name", [*X86, *corpus.ARM])
def test_grep_finds_a_value_in_its_file_and_in_its_table(name: str, everything: Path) -> None:
    value, register = ("0x1111aaaa00000001", "rax") if name in X86 else ("0x0111aaaa0000ab00", "x0")
    found = subprocess.run(["grep", "-rl", value, "vcpus"], cwd=everything / name, capture_output=True, text=True, check=True)
    own = f"vcpus/{SPINNER[name]}/regs"
    assert {f"{own}/{register}", f"{own}.txt"} <= set(found.stdout.split())
    assert all(re.match(rf"vcpus/{SPINNER[name]}/", path) for path in found.stdout.split())
