"""riscv64 vCPUs. No real capture was to be had: the payload is synthetic, its ids are those of arch/riscv/include/uapi/asm/kvm.h."""

import struct
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, one_regs, write
from hypothesis import given
from hypothesis import strategies as st

import snapfs
from snapfs.errors import CorruptState
from snapfs.formats.kvm_riscv64 import KvmRiscvCore, named
from snapfs.snapshot.vcpu.paging import RiscvPaging
from snapfs.tree import root

# struct user_regs_struct of arch/riscv/include/uapi/asm/ptrace.h, then the mode of struct kvm_riscv_core
ORDER = (
    "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6 mode".split()  # noqa: SIM905
)
KVM_REG_RISCV, U32, U64 = 0x8 << 60, 2 << 52, 3 << 52
CONFIG, CSR, TIMER, FP_F, FP_D, ISA_EXT, SBI_EXT, VECTOR, SBI_STATE = (n << 24 for n in (1, 3, 4, 5, 6, 7, 8, 9, 10))
AIA = 1 << 16


def ulong(*parts: int) -> int:
    return KVM_REG_RISCV | U64 | sum(parts)


REGISTERS = {
    ulong(CONFIG, 0): 1 << 8 | 1 << 12 | 1 << 0 | 1 << 5 | 1 << 3 | 1 << 2,  # imafdc
    ulong(CONFIG, 1): 64,
    ulong(CSR, 0): 1 << 1 | 1 << 8 | 3 << 13 | 1 << 18 | 1 << 63,
    ulong(CSR, 5): 1 << 63 | 5,
    ulong(CSR, 8): 9 << 60 | 7 << 44 | 0x80200,
    ulong(CSR, AIA, 3): 1,
    ulong(TIMER, 0): 10_000_000,
    ulong(TIMER, 3): 1,
    **{ulong(FP_D, n): 0x3FF0 << 48 | n for n in range(32)},
    KVM_REG_RISCV | U32 | FP_D | 32: 2 << 5 | 1,
    KVM_REG_RISCV | U32 | FP_F: 5,
    ulong(ISA_EXT, 13): 1,
    ulong(ISA_EXT, 15): 0,
    ulong(SBI_EXT, 1): 1,
    ulong(SBI_STATE, 0): 0x1234000,
    ulong(VECTOR, 2): 0xD0,
    ulong(0x3F << 24, 7): 9,
}


def payload(**changes: Any) -> dict[str, Any]:
    core = list(struct.pack("<33Q", *(0x1000 + n for n in range(32)), 1))
    return {"Kvm": {"mp_state": [0, 0, 0, 0], "core_regs": core, "non_core_regs": one_regs(REGISTERS), **changes}}


@pytest.fixture
def snap(tmp_path: Path) -> snapfs.Snapshot:
    stopped = payload(mp_state=[5, 0, 0, 0], core_regs=[0] * 264)
    return snapfs.open(write(tmp_path / "riscv", Machine("D", [payload(), stopped])))


def test_the_integer_registers_are_in_the_kernels_order(snap: snapfs.Snapshot) -> None:
    tree = root(snap)
    assert [(tree / f"vcpus/0/regs/{name}").read_text() for name in ORDER[:-1]] == [f"0x{0x1000 + n:016x}\n" for n in range(32)]
    assert (tree / "vcpus/0/regs.txt").read_text().splitlines()[-1].split() == ["mode", "1", "S"]


def test_groups_are_directories_of_named_registers(snap: snapfs.Snapshot) -> None:
    def line(table: str, name: str) -> str:
        text = (root(snap) / f"vcpus/0/{table}.txt").read_text()
        return " ".join(next(line.split() for line in text.splitlines() if line.split()[0] == name)[1:])

    assert line("config", "isa") == "0x000000000000112d acdfim"
    assert line("config", "zicbom_block_size") == "64"
    assert line("csrs", "sstatus") == "0x8000000000046102 SIE SPP FS=dirty SUM SD"
    assert line("csrs", "scause") == "0x8000000000000005 interrupt=STI"
    assert line("csrs", "satp") == "0x9000700000080200 ASID=7 MODE=Sv48"
    assert line("aia", "sieh") == "0x0000000000000001"
    assert line("timer", "frequency") == "10000000"
    assert line("timer", "state") == "1 on"
    assert line("fp", "f31") == "0x3ff000000000001f"
    assert line("fp", "fcsr") == "0x00000041 NX frm=RDN"
    assert line("fp_f", "f0") == "0x00000005"
    assert line("extensions", "zbb") == "true"
    assert line("extensions", "v") == "false"
    assert line("sbi", "time") == "true"
    assert line("sbi", "shmem_lo") == "0x0000000001234000"
    assert line("vector", "vtype") == "0x00000000000000d0 vlmul=1 vsew=32 vta vma"
    assert line("other", "0x803000003f000007") == "0x0000000000000009"


def test_every_register_is_in_some_group(snap: snapfs.Snapshot) -> None:
    vcpu: Any = snap.vcpus[0]
    assert sum(len(group) for group in vcpu.by_group.values()) == len(REGISTERS)
    shown = {"config", "csrs", "aia", "timer", "fp", "fp_f", "extensions", "sbi", "vector", "other"}
    assert shown <= {f.name for f in vcpu.facets()}
    assert sum(len(getattr(vcpu, name)) for name in shown) == len(REGISTERS)


def test_what_every_vcpu_answers(snap: snapfs.Snapshot) -> None:
    vcpu, stopped = snap.vcpus[0], snap.vcpus[1]
    assert (vcpu.arch, vcpu.mode, vcpu.privilege, vcpu.in_user_mode, vcpu.running) == ("riscv64", "RV64", "S", False, "running")
    assert (vcpu.pc, vcpu.sp, vcpu.page_table_root) == (0x1000, 0x1002, 0x9000700000080200)
    assert vcpu.paging == RiscvPaging(0x9000700000080200, user=False)
    assert (stopped.running, stopped.privilege) == ("stopped", "U")
    assert (root(snap) / "vcpus/1/mp_state.name").read_text() == "stopped\n"


def test_nothing_is_left_undecoded(snap: snapfs.Snapshot) -> None:
    assert snap.vcpus[0].rest == {}


@pytest.mark.parametrize("broken", [None, {}, [[1, 2]], [{"id": 1}], "text", [[0] * 15]])
def test_a_list_of_registers_that_cannot_be_read_takes_no_other_part_with_it(tmp_path: Path, broken: Any) -> None:
    with snapfs.open(write(tmp_path, Machine("D", [payload(non_core_regs=broken)]))) as snap:
        assert (root(snap) / "vcpus/0/regs/pc").read_text() == "0x0000000000001000\n"
        vcpu: Any = snap.vcpus[0]
        with pytest.raises(CorruptState):
            _ = vcpu.csrs


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=33, max_size=33))
def test_the_struct_reads_what_c_would_write(values: list[int]) -> None:
    packed = struct.pack("<33Q", *values)
    core = KvmRiscvCore.read(list(packed))
    assert [getattr(core, name) for name in ORDER] == values
    assert core.encode() == packed


@given(st.integers(0, (1 << 64) - 1))
def test_every_id_has_a_name(reg: int) -> None:
    assert all(named(reg)[:2])
