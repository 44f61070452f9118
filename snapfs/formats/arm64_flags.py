"""Named bits and fields of the AArch64 registers that a reader of a snapshot meets most.

Source: Arm Architecture Reference Manual for A-profile (DDI 0487), sections C5.2 (PSTATE, FPCR, FPSR, SPSR) and D24.2 to D24.12
(system registers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from snapfs.layout import Flags, Form, Hex

__all__ = ["FPCR", "FPSR", "MODES", "MPIDR", "PSTATE", "SYSTEM_REGISTER_FORMS", "Unwritten", "affinity"]

MODES: Final[Mapping[int, str]] = {
    0x00: "EL0t", 0x04: "EL1t", 0x05: "EL1h", 0x08: "EL2t", 0x09: "EL2h", 0x0C: "EL3t", 0x0D: "EL3h",
    0x10: "usr", 0x11: "fiq", 0x12: "irq", 0x13: "svc", 0x16: "mon", 0x17: "abt", 0x1A: "hyp", 0x1B: "und", 0x1F: "sys",
}  # fmt: skip
"""PSTATE.M: the exception level and its stack pointer, or the mode of AArch32 (bit 4)."""

PSTATE: Final = Flags(
    64,
    {
        6: "F", 7: "I", 8: "A", 9: "D", 12: "SSBS", 13: "ALLINT", 20: "IL", 21: "SS", 22: "PAN", 23: "UAO", 24: "DIT", 25: "TCO",
        28: "V", 29: "C", 30: "Z", 31: "N", 32: "PM", 33: "PPEND", 34: "EXLOCK", 35: "PACM",
    },
    ((0, 5, "M", MODES), (10, 2, "BTYPE")),
)  # fmt: skip
FPCR: Final = Flags(
    32,
    {
        0: "FIZ", 1: "AH", 2: "NEP", 8: "IOE", 9: "DZE", 10: "OFE", 11: "UFE", 12: "IXE", 13: "EBF", 15: "IDE", 19: "FZ16", 24: "FZ",
        25: "DN", 26: "AHP",
    },
    ((16, 3, "Len"), (20, 2, "Stride"), (22, 2, "RMode", {0: "", 1: "RP", 2: "RM", 3: "RZ"})),
)  # fmt: skip
FPSR: Final = Flags(
    32,
    {0: "IOC", 1: "DZC", 2: "OFC", 3: "UFC", 4: "IXC", 7: "IDC", 27: "QC", 28: "V", 29: "C", 30: "Z", 31: "N"},
)


def affinity(mpidr: int) -> str:
    """The affinity of MPIDR_EL1 as `<Aff3>.<Aff2>.<Aff1>.<Aff0>`."""
    return ".".join(str(mpidr >> low & 0xFF) for low in (32, 16, 8, 0))


class _Mpidr(Hex):
    def spell(self, value: Any) -> str:
        return f"affinity={affinity(value)}" + (" MT" if value >> 24 & 1 else "") + (" U" if value >> 30 & 1 else "")

    def names_bits(self) -> str | None:
        return "flags"


class _Midr(Hex):
    """The parts of /proc/cpuinfo."""

    IMPLEMENTERS: Final[Mapping[int, str]] = {
        0x41: "Arm", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x51: "Qualcomm",
        0x61: "Apple", 0x6D: "Microsoft", 0xC0: "Ampere",
    }  # fmt: skip

    def spell(self, value: Any) -> str:
        vendor = value >> 24 & 0xFF
        maker = f"0x{vendor:02x}" + (f"({self.IMPLEMENTERS[vendor]})" if vendor in self.IMPLEMENTERS else "")
        return f"implementer={maker} variant=0x{value >> 20 & 15:x} part=0x{value >> 4 & 0xFFF:03x} revision={value & 15}"

    def names_bits(self) -> str | None:
        return "name"


class _Mair(Hex):
    """Eight memory attributes, each with the meaning that operating systems give it."""

    MEANINGS: Final[Mapping[int, str]] = {
        0x00: "Device-nGnRnE", 0x04: "Device-nGnRE", 0x08: "Device-nGRE", 0x0C: "Device-GRE", 0x44: "Normal-NC", 0xBB: "Normal-WT",
        0xF0: "Tagged-WB", 0xFF: "Normal-WB",
    }  # fmt: skip

    def spell(self, value: Any) -> str:
        parts = [value >> 8 * i & 0xFF for i in range(8)]
        return " ".join(f"Attr{i}={self.MEANINGS.get(part, f'0x{part:02x}')}" for i, part in enumerate(parts))

    def names_bits(self) -> str | None:
        return "flags"


class _Version(Hex):
    def spell(self, value: Any) -> str:
        return f"{value >> 16}.{value & 0xFFFF}"

    def names_bits(self) -> str | None:
        return "name"


class _Geometry(Hex):
    """CCSIDR_EL1 without FEAT_CCIDX: one cache."""

    def spell(self, value: Any) -> str:
        sets, ways, line = (value >> 13 & 0x7FFF) + 1, (value >> 3 & 0x3FF) + 1, 16 << (value & 7)
        return f"sets={sets} ways={ways} line={line}"

    def names_bits(self) -> str | None:
        return "flags"


class Unwritten(Hex):
    """A register that holds what KVM puts where nothing was ever written (reset_unknown of arch/arm64/kvm)."""

    def spell(self, value: Any) -> str:  # noqa: ARG002
        return "(KVM's filler: never written)"

    def names_bits(self) -> str | None:
        return "note"


MPIDR: Final[Form] = _Mpidr(64)


def _fields(names: str) -> Flags:
    """A register of sixteen 4-bit fields, lowest first; `-` is none."""
    return Flags(64, {}, tuple((4 * i, 4, name) for i, name in enumerate(names.split()) if name != "-"))


_EXCEPTIONS: Final = {
    0x00: "unknown", 0x01: "WFx", 0x07: "FP_ASIMD", 0x0A: "OTHER", 0x0D: "BTI", 0x0E: "illegal-state", 0x11: "SVC32", 0x14: "SYS128",
    0x15: "SVC64", 0x16: "HVC64", 0x17: "SMC64", 0x18: "SYS64", 0x19: "SVE", 0x1A: "ERET", 0x1C: "PAC", 0x1D: "SME", 0x20: "IABT_LOW",
    0x21: "IABT_CUR", 0x22: "PC_ALIGN", 0x24: "DABT_LOW", 0x25: "DABT_CUR", 0x26: "SP_ALIGN", 0x27: "MOPS", 0x28: "FP_EXC32",
    0x2C: "FP_EXC64", 0x2D: "GCS", 0x2F: "SERROR", 0x30: "BREAKPT_LOW", 0x31: "BREAKPT_CUR", 0x32: "SOFTSTP_LOW",
    0x33: "SOFTSTP_CUR", 0x34: "WATCHPT_LOW", 0x35: "WATCHPT_CUR", 0x38: "BKPT32", 0x3C: "BRK64",
}  # fmt: skip
_CACHES: Final = {0: "", 1: "I", 2: "D", 3: "I+D", 4: "unified"}
_ACCESS: Final = {0: "trapped", 1: "EL1", 2: "trapped", 3: "EL1+EL0"}
_TTBR: Final = Flags(64, {0: "CnP"}, ((48, 16, "ASID"),))
_TIMER: Final = Flags(64, {0: "ENABLE", 1: "IMASK", 2: "ISTATUS"})

SYSTEM_REGISTER_FORMS: Final[Mapping[str, Form]] = {
    "MIDR_EL1": _Midr(64),
    "MPIDR_EL1": MPIDR,
    "MAIR_EL1": _Mair(64),
    "SCTLR_EL1": Flags(
        64,
        {
            0: "M", 1: "A", 2: "C", 3: "SA", 4: "SA0", 5: "CP15BEN", 6: "nAA", 7: "ITD", 8: "SED", 9: "UMA", 10: "EnRCTX", 11: "EOS",
            12: "I", 13: "EnDB", 14: "DZE", 15: "UCT", 16: "nTWI", 18: "nTWE", 19: "WXN", 20: "TSCXT", 21: "IESB", 22: "EIS",
            23: "SPAN", 24: "E0E", 25: "EE", 26: "UCI", 27: "EnDA", 28: "nTLSMD", 29: "LSMAOE", 30: "EnIB", 31: "EnIA", 32: "CMOW",
            33: "MSCEn", 35: "BT0", 36: "BT1", 37: "ITFSB", 42: "ATA0", 43: "ATA", 44: "DSSBS", 45: "TWEDEn", 50: "TMT0", 51: "TMT",
            52: "TME0", 53: "TME", 54: "EnASR", 55: "EnAS0", 56: "EnALS", 57: "EPAN", 58: "TCSO0", 59: "TCSO", 60: "EnTP2", 61: "NMI",
            62: "SPINTMASK", 63: "TIDCP",
        },
        ((38, 2, "TCF0"), (40, 2, "TCF"), (46, 4, "TWEDEL")),
    ),
    "TCR_EL1": Flags(
        64,
        {
            7: "EPD0", 22: "A1", 23: "EPD1", 36: "AS", 37: "TBI0", 38: "TBI1", 39: "HA", 40: "HD", 41: "HPD0", 42: "HPD1", 51: "TBID0",
            52: "TBID1", 53: "NFD0", 54: "NFD1", 55: "E0PD0", 56: "E0PD1", 57: "TCMA0", 58: "TCMA1", 59: "DS", 60: "MTX0", 61: "MTX1",
        },
        (
            (0, 6, "T0SZ"), (8, 2, "IRGN0"), (10, 2, "ORGN0"), (12, 2, "SH0"), (14, 2, "TG0", {0: "4K", 1: "64K", 2: "16K"}),
            (16, 6, "T1SZ"), (24, 2, "IRGN1"), (26, 2, "ORGN1"), (28, 2, "SH1"), (30, 2, "TG1", {0: "", 1: "16K", 2: "4K", 3: "64K"}),
            (32, 3, "IPS", {0: "32", 1: "36", 2: "40", 3: "42", 4: "44", 5: "48", 6: "52", 7: "56"}),
        ),
    ),
    "CPACR_EL1": Flags(
        64,
        {28: "TTA", 29: "E0POE"},
        ((16, 2, "ZEN", _ACCESS), (20, 2, "FPEN", _ACCESS), (24, 2, "SMEN", _ACCESS)),
    ),
    "ESR_EL1": Flags(64, {25: "IL"}, ((0, 25, "ISS"), (26, 6, "EC", _EXCEPTIONS), (32, 24, "ISS2"))),
    "SPSR_EL1": PSTATE,
    "TTBR0_EL1": _TTBR,
    "TTBR1_EL1": _TTBR,
    "CNTV_CTL_EL0": _TIMER,
    "CNTP_CTL_EL0": _TIMER,
    "CNTKCTL_EL1": Flags(
        64, {0: "EL0PCTEN", 1: "EL0VCTEN", 2: "EVNTEN", 3: "EVNTDIR", 8: "EL0VTEN", 9: "EL0PTEN", 17: "EVNTIS"}, ((4, 4, "EVNTI"),)
    ),
    "MDSCR_EL1": Flags(
        64, {0: "SS", 12: "TDCC", 13: "KDE", 14: "HDE", 15: "MDE", 21: "TDA", 26: "TXU", 27: "RXO", 29: "TXfull", 30: "RXfull"}
    ),
    "OSLSR_EL1": Flags(64, {0: "OSLM0", 1: "OSLK", 2: "nTT", 3: "OSLM1"}),
    "PAR_EL1": Flags(64, {0: "F"}),
    "CTR_EL0": Flags(
        64, {28: "IDC", 29: "DIC"}, ((0, 4, "IminLine"), (14, 2, "L1Ip"), (16, 4, "DminLine"), (20, 4, "ERG"), (24, 4, "CWG"))
    ),
    "DCZID_EL0": Flags(64, {4: "DZP"}, ((0, 4, "BS"),)),
    "CLIDR_EL1": Flags(
        64,
        {},
        (*((3 * i, 3, f"Ctype{i + 1}", _CACHES) for i in range(7)), (21, 3, "LoUIS"), (24, 3, "LoC"), (27, 3, "LoUU"), (30, 3, "ICB")),
    ),
    "CCSIDR_EL1": _Geometry(32),
    "CSSELR_EL1": Flags(64, {0: "InD", 4: "TnD"}, ((1, 3, "Level"),)),
    "PMCR_EL0": Flags(
        64, {0: "E", 1: "P", 2: "C", 3: "D", 4: "X", 5: "DP", 6: "LC", 7: "LP", 9: "FZO"}, ((11, 5, "N"), (16, 8, "IDCODE"), (24, 8, "IMP"))
    ),
    "PMUSERENR_EL0": Flags(64, {0: "EN", 1: "SW", 2: "CR", 3: "ER", 4: "UEN"}),
    "ZCR_EL1": Flags(64, {}, ((0, 4, "LEN"),)),
    "ID_AA64PFR0_EL1": _fields("EL0 EL1 EL2 EL3 FP AdvSIMD GIC RAS SVE SEL2 MPAM AMU DIT RME CSV2 CSV3"),
    "ID_AA64PFR1_EL1": _fields("BT SSBS MTE RAS_frac MPAM_frac - SME RNDR_trap CSV2_frac NMI MTE_frac GCS THE MTEX DF2 PFAR"),
    "ID_AA64ZFR0_EL1": _fields("SVEver AES - - BitPerm BF16 B16B16 - SHA3 - SM4 I8MM - F32MM F64MM -"),
    "ID_AA64DFR0_EL1": _fields(
        "DebugVer TraceVer PMUVer BRPs PMSS WRPs SEBEP CTX_CMPs PMSVer DoubleLock TraceFilt TraceBuffer MTPMU BRBE ExtTrcBuff HPMN0"
    ),
    "ID_AA64ISAR0_EL1": _fields("- AES SHA1 SHA2 CRC32 Atomic TME RDM SHA3 SM3 SM4 DP FHM TS TLB RNDR"),
    "ID_AA64ISAR1_EL1": _fields("DPB APA API JSCVT FCMA LRCPC GPA GPI FRINTTS SB SPECRES BF16 DGH I8MM XS LS64"),
    "ID_AA64ISAR2_EL1": _fields(
        "WFxT RPRES GPA3 APA3 MOPS BC PAC_frac CLRBHB SYSREG_128 SYSINSTR_128 PRFMSLC - RPRFM CSSC LUT ATS1A"
    ),
    "ID_AA64MMFR0_EL1": _fields(
        "PARange ASIDBits BigEnd SNSMem BigEndEL0 TGran16 TGran64 TGran4 TGran16_2 TGran64_2 TGran4_2 ExS - - FGT ECV"
    ),
    "ID_AA64MMFR1_EL1": _fields("HAFDBS VMIDBits VH HPDS LO PAN SpecSEI XNX TWED ETS HCX AFP nTLBPA TIDCP1 CMOW ECBHB"),
    "ID_AA64MMFR2_EL1": _fields("CnP UAO LSM IESB VARange CCIDX NV ST AT IDS FWB - TTL BBM EVT E0PD"),
    "KVM_REG_ARM_PSCI_VERSION": _Version(64),
}  # fmt: skip
