"""What the bits of x86 model-specific registers mean, for those where it is documented: a form per index.

Source: Intel SDM volume 4 and volume 3, sections 12.11 (MTRRs, PAT), 11.4.4 (APIC base); AMD APM volume 2, sections 3.1.7
(EFER) and 6.1.1 (STAR); linux, arch/x86/include/uapi/asm/kvm_para.h; Hyper-V TLFS, chapters 3, 11 and 12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from snapfs.formats.x86_flags import EFER
from snapfs.layout import Flags, Form, Hex, Spelled

__all__ = ["form_of"]

_PLAIN: Final = Hex(64)
_PAGE: Final = ~0xFFF

MEMORY_TYPES: Final = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}


def _memory_type(value: int) -> str:
    return MEMORY_TYPES.get(value, f"reserved({value})")


def _pat(value: int) -> str:
    return " ".join(f"PA{i}={_memory_type(value >> 8 * i & 7)}" for i in range(8))


def _mtrr_default(value: int) -> str:
    return " ".join([_memory_type(value & 0xFF)] + [word for bit, word in ((10, "FE"), (11, "E")) if value >> bit & 1])


def _mtrr_base(value: int) -> str:
    return f"base=0x{value & _PAGE:x} {_memory_type(value & 0xFF)}"


def _mtrr_mask(value: int) -> str:
    return f"mask=0x{value & _PAGE:x} valid" if value >> 11 & 1 else ""


def _mtrr_fixed(start: int, step: int) -> Callable[[int], str]:
    def words(value: int) -> str:
        kinds = [value >> 8 * i & 0xFF for i in range(8)]
        if len(set(kinds)) == 1:
            return f"0x{start:05x}-0x{start + 8 * step - 1:05x} {_memory_type(kinds[0])}"
        return " ".join(f"0x{start + i * step:05x}={_memory_type(kind)}" for i, kind in enumerate(kinds))

    return words


def _apic_base(value: int) -> str:
    flags = [word for bit, word in ((8, "BSP"), (10, "EXTD"), (11, "EN")) if value >> bit & 1]
    return " ".join([*flags, f"base=0x{value & _PAGE & (1 << 52) - 1:x}"])


def _star(value: int) -> str:
    return f"SYSCALL_CS=0x{value >> 32 & 0xFFFF:x} SYSRET_CS=0x{value >> 48:x}" + (
        f" SYSCALL_EIP=0x{value & 0xFFFFFFFF:x}" if value & 0xFFFFFFFF else ""
    )


def _switched(bits: dict[int, str], low: int) -> Callable[[int], str]:
    """An address whose low bits are switches."""

    def words(value: int) -> str:
        found = [word for bit, word in bits.items() if value >> bit & 1]
        return " ".join([*found, f"gpa=0x{value & ~((1 << low) - 1):x}"]) if value else ""

    return words


def _lapic_timer_count(value: int) -> str:
    return "disarmed" if not value else ""


def _platform_info(value: int) -> str:
    return f"max_non_turbo_ratio={value >> 8 & 0xFF}" + (" CPUID_FAULT" if value >> 31 & 1 else "")


def _guest_os(value: int) -> str:
    """HV_X64_MSR_GUEST_OS_ID: open-source systems by type and version, others by vendor, system, version and build."""
    if not value:
        return ""
    if value >> 63:
        kinds = {0x100: "Linux", 0x200: "FreeBSD", 0x300: "Xen", 0x400: "Illumos"}
        kind = value >> 48 & 0x7F00
        return f"{kinds.get(kind, f'type=0x{kind:x}')} version=0x{value >> 16 & 0xFFFFFFFF:x} build={value & 0xFFFF}"
    version = f"{value >> 32 & 0xFF}.{value >> 24 & 0xFF}"
    return f"vendor={value >> 48} os={value >> 40 & 0xFF} version={version} service_pack={value >> 16 & 0xFF} build={value & 0xFFFF}"


def _microcode(value: int) -> str:
    """The revision: Intel keeps it in the upper half, AMD in the lower."""
    return f"revision=0x{value >> 32 or value:x}" if value else ""


def _ratio(value: int) -> str:
    return f"ratio={value / (1 << 32):g}"


def _fixed_counters(value: int) -> str:
    rings = {1: "OS", 2: "USR", 3: "ALL"}
    fields = ((i, value >> 4 * i & 0xF) for i in range(8))
    return " ".join(f"FIXED{i}={rings.get(part & 3, 'off')}{'+PMI' if part & 8 else ''}" for i, part in fields if part)


def _synic_source(value: int) -> str:
    words = [word for bit, word in ((16, "MASKED"), (17, "AUTO_EOI"), (18, "POLLING")) if value >> bit & 1]
    return " ".join([f"vector={value & 0xFF}", *words])


_ARCH_CAPABILITIES: Final = Flags(
    64,
    {
        0: "RDCL_NO",
        1: "IBRS_ALL",
        2: "RSBA",
        3: "SKIP_L1DFL_VMENTRY",
        4: "SSB_NO",
        5: "MDS_NO",
        6: "IF_PSCHANGE_MC_NO",
        7: "TSX_CTRL",
        8: "TAA_NO",
        9: "MCU_CONTROL",
        10: "MISC_PACKAGE_CTLS",
        11: "ENERGY_FILTERING_CTL",
        12: "DOITM",
        13: "SBDR_SSDP_NO",
        14: "FBSDP_NO",
        15: "PSDP_NO",
        16: "MCU_ENUMERATION",
        17: "FB_CLEAR",
        18: "FB_CLEAR_CTRL",
        19: "RRSBA",
        20: "BHI_NO",
        21: "XAPIC_DISABLE",
        23: "OVERCLOCKING_STATUS",
        24: "PBRSB_NO",
        25: "GDS_CTRL",
        26: "GDS_NO",
        27: "RFDS_NO",
        28: "RFDS_CLEAR",
    },
)
_DEBUG_CONTROL: Final = Flags(
    64,
    {
        0: "LBR",
        1: "BTF",
        2: "BLD",
        6: "TR",
        7: "BTS",
        8: "BTINT",
        9: "BTS_OFF_OS",
        10: "BTS_OFF_USR",
        11: "FREEZE_LBRS_ON_PMI",
        12: "FREEZE_PERFMON_ON_PMI",
        14: "FREEZE_WHILE_SMM",
        15: "RTM",
    },
)
_CET: Final = Flags(
    64,
    {0: "SH_STK_EN", 1: "WR_SHSTK_EN", 2: "ENDBR_EN", 3: "LEG_IW_EN", 4: "NO_TRACK_EN", 5: "SUPPRESS_DIS", 10: "SUPPRESS", 11: "TRACKER"},
)
_COUNTERS: Final = {**{i: f"PMC{i}" for i in range(8)}, **{32 + i: f"FIXED{i}" for i in range(4)}}
_SWITCH: Final = Flags(64, {0: "ENABLED"})
_GPA: Final = Spelled(64, _switched({0: "ENABLED"}, 12))
_CLOCK_PAGE: Final = Spelled(64, _switched({0: "ENABLED"}, 1))

_FORMS: Final[dict[int, Form]] = {
    0x1B: Spelled(64, _apic_base),
    0x3A: Flags(
        64,
        {0: "LOCKED", 1: "VMX_INSIDE_SMX", 2: "VMX_OUTSIDE_SMX", 15: "SENTER", 17: "SGX_LC", 18: "SGX", 20: "LMCE"},
        ((8, 7, "SENTER_FN"),),
    ),
    0x48: Flags(
        64,
        {
            0: "IBRS",
            1: "STIBP",
            2: "SSBD",
            3: "IPRED_DIS_U",
            4: "IPRED_DIS_S",
            5: "RRSBA_DIS_U",
            6: "RRSBA_DIS_S",
            7: "PSFD",
            10: "BHI_DIS_S",
        },
    ),
    0xCE: Spelled(64, _platform_info),
    0xCF: Flags(64, {2: "FUSA", 3: "RSM_IN_CPL0_ONLY", 4: "UC_LOCK_DISABLE", 5: "SPLIT_LOCK_DISABLE"}),
    0xFE: Flags(64, {8: "FIX", 10: "WC", 11: "SMRR", 12: "PRMRR"}, ((0, 8, "VCNT"),)),
    0x10A: _ARCH_CAPABILITIES,
    0x122: Flags(64, {0: "RTM_DISABLE", 1: "TSX_CPUID_CLEAR"}),
    0x140: Flags(64, {0: "CPUID_FAULT", 1: "RING3MWAIT"}),
    0x179: Flags(
        64,
        {8: "CTL_P", 9: "EXT_P", 10: "CMCI_P", 11: "TES_P", 24: "SER_P", 26: "ELOG_P", 27: "LMCE_P"},
        ((0, 8, "COUNT"), (16, 8, "EXT_CNT")),
    ),
    0x17A: Flags(64, {0: "RIPV", 1: "EIPV", 2: "MCIP", 3: "LMCE_S"}),
    0x1A0: Flags(
        64,
        {
            0: "FAST_STRING",
            3: "TCC",
            7: "EMON",
            11: "BTS_UNAVAIL",
            12: "PEBS_UNAVAIL",
            16: "ENHANCED_SPEEDSTEP",
            18: "MWAIT",
            22: "LIMIT_CPUID",
            23: "XTPR_DISABLE",
            34: "XD_DISABLE",
        },
    ),
    0x1D9: _DEBUG_CONTROL,
    0x277: Spelled(64, _pat),
    0x2FF: Spelled(64, _mtrr_default),
    0x345: Flags(
        64,
        {6: "PEBS_TRAP", 7: "PEBS_ARCH_REG", 12: "FREEZE_WHILE_SMM", 13: "FW_WRITE", 14: "PEBS_BASELINE"},
        ((0, 6, "LBR_FMT"), (8, 4, "PEBS_FMT")),
    ),
    0x6A0: _CET,
    0x6A2: _CET,
    0x6E0: Spelled(64, _lapic_timer_count, None),
    0xDA0: Flags(64, {8: "PT", 10: "PASID", 11: "CET_U", 12: "CET_S", 13: "HDC", 14: "UINTR", 15: "LBR", 16: "HWP"}),
    0x1C4: Flags(64, {17: "XTILECFG", 18: "XTILEDATA"}),
    0x1C5: Flags(64, {17: "XTILECFG", 18: "XTILEDATA"}),
    0xC0000080: EFER,
    0xC0000081: Spelled(64, _star),
    0xC0010015: Flags(
        64,
        {
            0: "SMMLOCK",
            3: "TLBCACHEDIS",
            4: "INVDWBINVD",
            8: "IGNNE_EM",
            9: "MONMWAIT_DIS",
            10: "MONMWAIT_USER_EN",
            17: "WRAP32DIS",
            18: "MC_STATUS_WR_EN",
            24: "TSC_FREQ_SEL",
            25: "CPB_DIS",
            27: "EFF_FREQ_READ_ONLY_LOCK",
            30: "IRPERF_EN",
            35: "CPUID_USER_DIS",
        },
    ),
    0xC0010010: Flags(
        64,
        {
            18: "MTRR_FIX_DRAM_EN",
            19: "MTRR_FIX_DRAM_MOD_EN",
            20: "MTRR_VAR_DRAM_EN",
            21: "MTRR_TOM2_EN",
            22: "TOM2_FORCE_MEM_TYPE_WB",
            23: "MEM_ENCRYPT",
            24: "SNP_EN",
            25: "VMPL_EN",
        },
    ),
    0xC0010114: Flags(64, {0: "DPD", 1: "R_INIT", 2: "DIS_A20M", 3: "LOCK", 4: "SVMDIS"}),
    0xC001011F: Flags(64, {2: "SSBD"}),
    0xC0011029: Flags(64, {1: "LFENCE_SERIALIZE", 9: "ZEN2_FP_BACKUP_FIX"}),
    0x8B: Spelled(64, _microcode, None),
    0x38D: Spelled(64, _fixed_counters),
    0x38E: Flags(64, {**_COUNTERS, 55: "TRACE_TOPA_PMI", 58: "LBR_FRZ", 59: "CTR_FRZ", 60: "ASCI", 62: "OVF_BUF", 63: "COND_CHGD"}),
    0x38F: Flags(64, _COUNTERS),
    0x480: Flags(
        64,
        {48: "PHYS_32BIT", 49: "DUAL_MONITOR", 54: "INS_OUTS", 55: "TRUE_CTLS", 56: "NO_HW_ERROR_CODE"},
        ((0, 31, "revision"), (32, 13, "vmcs_size"), (50, 4, "memory_type")),
    ),
    0x48C: Flags(
        64,
        {
            0: "EXECUTE_ONLY",
            6: "PAGE_WALK_4",
            7: "PAGE_WALK_5",
            8: "EPTP_UC",
            14: "EPTP_WB",
            16: "2M_PAGES",
            17: "1G_PAGES",
            20: "INVEPT",
            21: "AD_BITS",
            22: "ADVANCED_EXIT_INFO",
            25: "INVEPT_SINGLE",
            26: "INVEPT_ALL",
            32: "INVVPID",
            40: "INVVPID_ADDRESS",
            41: "INVVPID_SINGLE",
            42: "INVVPID_ALL",
            43: "INVVPID_SINGLE_RETAIN",
        },
    ),
    0xC0000104: Spelled(64, _ratio, None),
    0x40000000: Spelled(64, _guest_os, None),
    0x11: Spelled(64, _switched({}, 0)),
    0x12: _CLOCK_PAGE,
    0x4B564D00: Spelled(64, _switched({}, 0)),
    0x4B564D01: _CLOCK_PAGE,
    0x4B564D02: Spelled(64, _switched({0: "ENABLED", 1: "SEND_ALWAYS", 2: "DELIVERY_AS_PF_VMEXIT", 3: "DELIVERY_AS_INT"}, 6)),
    0x4B564D03: Spelled(64, _switched({0: "ENABLED"}, 6)),
    0x4B564D04: Spelled(64, _switched({0: "ENABLED"}, 2)),
    0x4B564D05: _SWITCH,
    0x4B564D06: Flags(64, {}, ((0, 8, "vector"),)),
    0x4B564D08: Flags(64, {0: "READY"}),
    0x40000001: Spelled(64, _switched({0: "ENABLED", 1: "LOCKED"}, 12)),
    0x40000021: _GPA,
    0x40000073: _GPA,
    0x40000080: _SWITCH,
    0x40000082: _GPA,
    0x40000083: _GPA,
}
_RANGES: Final[tuple[tuple[range, Form], ...]] = (
    (range(0x200, 0x220, 2), Spelled(64, _mtrr_base)),
    (range(0x201, 0x220, 2), Spelled(64, _mtrr_mask)),
    (range(0x250, 0x251), Spelled(64, _mtrr_fixed(0, 0x10000))),
    *((range(0x258 + i, 0x259 + i), Spelled(64, _mtrr_fixed(0x80000 + 0x20000 * i, 0x4000))) for i in range(2)),
    *((range(0x268 + i, 0x269 + i), Spelled(64, _mtrr_fixed(0xC0000 + 0x8000 * i, 0x1000))) for i in range(8)),
    (
        range(0x186, 0x18E),
        Flags(
            64,
            {16: "USR", 17: "OS", 18: "E", 19: "PC", 20: "INT", 22: "EN", 23: "INV"},
            ((0, 8, "event"), (8, 8, "umask"), (24, 8, "cmask")),
        ),
    ),
    (
        range(0xC0010000, 0xC0010004),
        Flags(64, {16: "USR", 17: "OS", 18: "E", 20: "INT", 22: "EN", 23: "INV"}, ((0, 8, "event"), (8, 8, "umask"), (24, 8, "cmask"))),
    ),
    (
        range(0xC0010200, 0xC001020C, 2),
        Flags(64, {16: "USR", 17: "OS", 18: "E", 20: "INT", 22: "EN", 23: "INV"}, ((0, 8, "event"), (8, 8, "umask"), (24, 8, "cmask"))),
    ),
    (
        range(0x401, 0x480, 4),
        Flags(64, {55: "AR", 56: "S", 57: "PCC", 58: "ADDRV", 59: "MISCV", 60: "EN", 61: "UC", 62: "OVER", 63: "VAL"}, ((0, 16, "code"),)),
    ),
    (range(0x40000090, 0x400000A0), Spelled(64, _synic_source)),
    (
        range(0x400000B0, 0x400000B8, 2),
        Flags(64, {0: "ENABLED", 1: "PERIODIC", 2: "LAZY", 3: "AUTO_ENABLE", 12: "DIRECT"}, ((4, 8, "vector"), (16, 4, "SINT"))),
    ),
)


def form_of(index: int) -> Form:
    """How an MSR is written and spelled."""
    return _FORMS.get(index) or next((form for indices, form in _RANGES if index in indices), _PLAIN)
