"""Features of an aarch64 processor by the names of /proc/cpuinfo, from its ID registers.

Source: linux, Documentation/arch/arm64/elf_hwcaps.rst (which field of which register stands behind a name); Arm Architecture Reference
Manual, section D24.2 (ID registers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["features"]

# register -> (lowest bit of the field, least value, name); the order of names is that of the kernel's list where it matters little
_FIELDS: Final[Mapping[str, tuple[tuple[int, int, str], ...]]] = {
    "ID_AA64PFR0_EL1": ((16, 1, "fphp"), (20, 1, "asimdhp"), (32, 1, "sve"), (48, 1, "dit")),
    "ID_AA64PFR1_EL1": (
        (0, 1, "bti"), (4, 2, "ssbs"), (8, 2, "mte"), (8, 3, "mte3"), (24, 1, "sme"), (24, 2, "sme2"), (44, 1, "gcs"),
    ),
    "ID_AA64ISAR0_EL1": (
        (4, 1, "aes"), (4, 2, "pmull"), (8, 1, "sha1"), (12, 1, "sha2"), (12, 2, "sha512"), (16, 1, "crc32"), (20, 2, "atomics"),
        (20, 3, "lse128"), (28, 1, "asimdrdm"), (32, 1, "sha3"), (36, 1, "sm3"), (40, 1, "sm4"), (44, 1, "asimddp"), (48, 1, "asimdfhm"),
        (52, 1, "flagm"), (52, 2, "flagm2"), (60, 1, "rng"),
    ),
    "ID_AA64ISAR1_EL1": (
        (0, 1, "dcpop"), (0, 2, "dcpodp"), (12, 1, "jscvt"), (16, 1, "fcma"), (20, 1, "lrcpc"), (20, 2, "ilrcpc"), (20, 3, "lrcpc3"),
        (32, 1, "frint"), (36, 1, "sb"), (44, 1, "bf16"), (44, 2, "ebf16"), (48, 1, "dgh"), (52, 1, "i8mm"),
    ),
    "ID_AA64ISAR2_EL1": (
        (0, 2, "wfxt"), (4, 1, "rpres"), (16, 1, "mops"), (20, 1, "hbc"), (48, 1, "rprfm"), (52, 1, "cssc"), (56, 1, "lut"),
    ),
    "ID_AA64MMFR0_EL1": ((60, 1, "ecv"),),
    "ID_AA64MMFR1_EL1": ((44, 1, "afp"),),
    "ID_AA64MMFR2_EL1": ((32, 1, "uscat"),),
    "ID_AA64ZFR0_EL1": (
        (0, 1, "sve2"), (0, 2, "sve2p1"), (4, 1, "sveaes"), (4, 2, "svepmull"), (16, 1, "svebitperm"), (20, 1, "svebf16"),
        (20, 2, "sveebf16"), (24, 1, "sveb16b16"), (32, 1, "svesha3"), (40, 1, "svesm4"), (44, 1, "svei8mm"), (52, 1, "svef32mm"),
        (56, 1, "svef64mm"),
    ),
}  # fmt: skip
# pointer authentication: any of the algorithms does
_AUTHENTICATION: Final = {
    "paca": (("ID_AA64ISAR1_EL1", 4), ("ID_AA64ISAR1_EL1", 8), ("ID_AA64ISAR2_EL1", 12)),
    "pacg": (("ID_AA64ISAR1_EL1", 24), ("ID_AA64ISAR1_EL1", 28), ("ID_AA64ISAR2_EL1", 8)),
}
_NONE: Final = 15


def features(registers: Mapping[str, int]) -> Iterator[str]:
    """The names of the features that ID registers (by the manual's names) offer. `evtstrm` follows from CNTKCTL_EL1, where the
    kernel has set it; what a kernel adds or hides by itself (`cpuid`, errata) is not known here."""
    floating = registers.get("ID_AA64PFR0_EL1")
    if floating is not None:
        yield from (name for low, name in ((16, "fp"), (20, "asimd")) if floating >> low & 15 != _NONE)
    if registers.get("CNTKCTL_EL1", 0) >> 2 & 1:
        yield "evtstrm"
    for register, fields in _FIELDS.items():
        value = registers.get(register, 0)
        if register == "ID_AA64ZFR0_EL1" and not registers.get("ID_AA64PFR0_EL1", 0) >> 32 & 15:
            continue
        for low, least, name in fields:
            found = value >> low & 15
            if found >= least and not (low in (16, 20) and register == "ID_AA64PFR0_EL1" and found == _NONE):
                yield name
    for name, places in _AUTHENTICATION.items():
        if any(registers.get(register, 0) >> low & 15 for register, low in places):
            yield name
