"""Names of MSRs and the meaning of their bits, with values as they are met on real machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.formats.entries import entries
from snapfs.formats.facts.x86_msrs import ALIASES, NAMES
from snapfs.formats.kvm_x86_64 import KvmMsrEntry
from snapfs.formats.x86_msr_words import form_of
from snapfs.formats.x86_msrs import Msrs, index_of, name_of


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0x10, "IA32_TIME_STAMP_COUNTER"),
        (0x277, "IA32_PAT"),
        (0x10A, "IA32_ARCH_CAPABILITIES"),
        (0xC0000082, "LSTAR"),
        (0xC0000102, "KERNEL_GS_BASE"),
        (0xC0010015, "HWCR"),
        (0x4B564D01, "KVM_SYSTEM_TIME_NEW"),
        (0x40000021, "HV_REFERENCE_TSC"),
        (0x12345678, "0x12345678"),
    ],
)
def test_names(index: int, name: str) -> None:
    assert name_of(index) == name
    assert index_of(name) == index


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("IA32_EFER", 0xC0000080),
        ("MSR_EFER", 0xC0000080),
        ("IA32_KERNEL_GS_BASE", 0xC0000102),
        ("MSR_KVM_STEAL_TIME", 0x4B564D03),
        ("HV_X64_MSR_SIEFP", 0x40000082),
        ("MSR_IA32_CR_PAT", 0x277),
        ("0x10", 0x10),
        ("0XC0000080", 0xC0000080),
        ("10", None),
        ("MSR_", None),
        ("", None),
    ],
)
def test_other_names(name: str, index: int | None) -> None:
    assert index_of(name) == index


def test_a_name_belongs_to_one_msr() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
    assert not set(ALIASES) & set(NAMES.values())


@pytest.mark.parametrize(
    ("index", "value", "words"),
    [
        (0x277, 0x0007040600070406, "PA0=WB PA1=WT PA2=UC- PA3=UC PA4=WB PA5=WT PA6=UC- PA7=UC"),
        (0x277, 0x0407050600070106, "PA0=WB PA1=WC PA2=UC- PA3=UC PA4=WB PA5=WP PA6=UC- PA7=WT"),
        (0x2FF, 0xC06, "WB FE E"),
        (0x200, 0x80000000, "base=0x80000000 UC"),
        (0x201, 0x3FFF80000800, "mask=0x3fff80000000 valid"),
        (0x201, 0x3FFF80000000, ""),
        (0x250, 0x0606060606060606, "0x00000-0x7ffff WB"),
        (0x259, 0x0000000000000005, "0xa0000=WP 0xa4000=UC 0xa8000=UC 0xac000=UC 0xb0000=UC 0xb4000=UC 0xb8000=UC 0xbc000=UC"),
        (0x26F, 0x0505050505050505, "0xf8000-0xfffff WP"),
        (0x1B, 0xFEE00D00, "BSP EXTD EN base=0xfee00000"),
        (0xC0000080, 0xD01, "SCE LME LMA NXE"),
        (0xC0000081, 0x0023001000000000, "SYSCALL_CS=0x10 SYSRET_CS=0x23"),
        (0x3A, 0x5, "LOCKED VMX_OUTSIDE_SMX"),
        (0x1A0, 0x850089, "FAST_STRING TCC EMON ENHANCED_SPEEDSTEP MWAIT XTPR_DISABLE"),
        (0x10A, 0x0C08006B, "RDCL_NO IBRS_ALL SKIP_L1DFL_VMENTRY MDS_NO IF_PSCHANGE_MC_NO RRSBA GDS_NO RFDS_NO"),
        (0x4B564D01, 0x1DAE041, "ENABLED gpa=0x1dae040"),
        (0x4B564D02, 0x391AECD, "ENABLED DELIVERY_AS_PF_VMEXIT DELIVERY_AS_INT gpa=0x391aec0"),
        (0x4B564D03, 0x391AE81, "ENABLED gpa=0x391ae80"),
        (0x4B564D01, 0, ""),
        (0x4B564D06, 0xF3, "vector=243"),
        (0x40000090, 0x10031, "vector=49 MASKED"),
        (0x400000B0, 0x30008, "AUTO_ENABLE SINT=3"),
        (0x401, 1 << 63 | 1 << 61 | 0x150, "code=336 UC VAL"),
        (0x186, 0x4300C0, "event=192 USR OS EN"),
        (0xDEAD, 5, ""),
        (0x8B, 0x0000002B00000000, "revision=0x2b"),
        (0x8B, 0x01000065, "revision=0x1000065"),
        (0x38D, 0xB0, "FIXED1=ALL+PMI"),
        (0xC0000104, 0x0000000180000000, "ratio=1.5"),
        (0x480, 0x00DA040000000012, "revision=18 vmcs_size=1024 DUAL_MONITOR memory_type=6 INS_OUTS TRUE_CTLS"),
        (0x40000000, 0x81000006010C0000, "Linux version=0x6010c build=0"),
        (0x40000000, 0x0001040A00004A61, "vendor=1 os=4 version=10.0 service_pack=0 build=19041"),
    ],
)  # fmt: skip
def test_bits_are_spelled(index: int, value: int, words: str) -> None:
    assert form_of(index).spell(value) == words


@given(st.sampled_from([*NAMES, 0xDEAD]), st.integers(0, (1 << 64) - 1))
def test_every_value_of_every_msr_is_written_in_full_and_read_back(index: int, value: int) -> None:
    form = form_of(index)
    assert form.parse(form.render(value)) == value
    assert "\n" not in form.spell(value)


def entry(index: int, data: int) -> KvmMsrEntry:
    return KvmMsrEntry.read({"index": index, "data": data})


def test_the_first_entry_of_an_msr_counts() -> None:
    found = Msrs([entry(0x10, 1), entry(0xDEAD, 2), entry(0x10, 3)])
    assert found == {"IA32_TIME_STAMP_COUNTER": 1, "0x0000dead": 2}
    assert found["TSC"] == found["0x10"] == 1
    assert found.find("LSTAR") is None
    with pytest.raises(KeyError):
        found["LSTAR"]


def test_an_entry_that_is_damaged_fails_alone() -> None:
    found = Msrs(entries(KvmMsrEntry, [{"index": 0x10, "data": None}, "x", {"index": 0x277, "data": 5}], "msrs"))
    assert list(found) == ["IA32_TIME_STAMP_COUNTER", "entry1", "IA32_PAT"]
    assert found["IA32_PAT"] == 5
    with pytest.raises(CorruptState, match="msrs/0/data"):
        found["TSC"]
    with pytest.raises(CorruptState, match="msrs/1"):
        found["entry1"]
