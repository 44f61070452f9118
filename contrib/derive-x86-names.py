#!/usr/bin/env python3
"""Derives the names of MSRs and of CPUID features: snapfs/formats/facts/x86_msrs.py and x86_features.py.

    python3 contrib/derive-x86-names.py x86-msrs.json x86-cpuid.json snapfs/formats/facts && ruff format snapfs/formats/facts

The arguments are two tables of the format reference: `msrs.<index>.{name,aliases}` and `bits.<leaf[.sub-leaf].register>.<bit>`.
Names become one word each. What the tables lack or call otherwise than /proc/cpuinfo is below.
"""

import json
import re
import sys
from pathlib import Path

# constants of msr-index.h that are bits or masks, not MSRs
NOT_MSRS = {0x1F, 0x100, 0x800, 0x10000, 0x20000000, 0xFFFFF000}
NAMES = {
    0x11: "KVM_WALL_CLOCK",
    0x12: "KVM_SYSTEM_TIME",
    0x8B: "IA32_BIOS_SIGN_ID",
    0xC0000084: "SYSCALL_MASK",
    0xC0010015: "HWCR",
    0xC0000108: "AMD64_PREFETCH_CONTROL",
    0xC0010118: "AMD64_SVM_LOCK_KEY",
    0x345: "IA32_PERF_CAPABILITIES",
    0xC00000E7: "AMD64_MPERF_READONLY",
    0xC00000E8: "AMD64_APERF_READONLY",
    0xC001011E: "AMD64_VM_PAGE_FLUSH",
    0xC0010130: "AMD64_SEV_ES_GHCB",
    0xC0010131: "AMD64_SEV",
}
# the manuals' names for what the kernel's header calls otherwise
ALIASES = {
    "IA32_EFER": 0xC0000080,
    "IA32_STAR": 0xC0000081,
    "IA32_LSTAR": 0xC0000082,
    "IA32_CSTAR": 0xC0000083,
    "IA32_FMASK": 0xC0000084,
    "SFMASK": 0xC0000084,
    "IA32_FS_BASE": 0xC0000100,
    "IA32_GS_BASE": 0xC0000101,
    "IA32_KERNEL_GS_BASE": 0xC0000102,
    "IA32_TSC_AUX": 0xC0000103,
    "IA32_PLATFORM_INFO": 0xCE,
    "PATCH_LEVEL": 0x8B,
    "MTRRdefType": 0x2FF,
    "PAT": 0x277,
    "TSC": 0x10,
    "MISC_ENABLE": 0x1A0,
    "ARCH_CAPABILITIES": 0x10A,
}
# arch/x86/include/asm/cpufeatures.h where the table has another name or none
FEATURES = {
    "0x1.ecx": {0: "pni"},
    "0x6.eax": {3: None, 8: "hwp_notify", 9: "hwp_act_window", 10: "hwp_epp", 11: "hwp_pkg_req", 19: "hfi"},
    "0x6.ecx": {0: "aperfmperf", 3: "epb"},
    "0x7.0.ecx": {0: None, 7: "shstk", 24: "bus_lock_detect"},
    "0x7.0.edx": {20: "ibt"},
    "0x7.1.ebx": {0: "intel_ppin"},
    "0x80000007.ebx": {0: "overflow_recov", 1: "succor", 3: "smca"},
    "0x80000007.edx": {7: "hw_pstate", 8: "invariant_tsc", 9: "cpb", 11: "proc_feedback"},
    "0x8000000a.edx": {14: None},
    "0x80000008.ebx": {3: None, 8: None, 13: None, 23: "amd_ppin", 31: "brs"},
    "0x80000021.eax": {5: None},
    "0x80000022.eax": {0: "perfmon_v2", 1: "amd_lbr_v2", 2: "amd_lbr_pmc_freeze"},
    "0x40000001.eax": {},
}
HEADER = '''"""{what}

{source}
The names are facts, listed here without their text. Made by contrib/derive-x86-names.py; do not edit.
"""

from __future__ import annotations

from typing import Final

'''


def word(name: str) -> str:
    return re.sub(r"^AMD ", "", name).split(" ")[0]


def msrs(table: dict) -> str:
    names: dict[int, str] = {}
    aliases: dict[str, int] = {}
    for key, entry in table["msrs"].items():
        index = int(key, 16)
        if index in NOT_MSRS:
            continue
        names[index] = word(entry["name"])
        for alias in entry.get("aliases", ()):
            aliases[alias] = index
    for index, name in NAMES.items():
        if index in names and names[index] != name:
            aliases.setdefault(names[index], index)
        names[index] = name
    taken = set(names.values())
    if len(taken) != len(names):
        raise SystemExit("two MSRs of one name")
    aliases = {a: i for a, i in {**aliases, **ALIASES}.items() if a not in taken}
    head = HEADER.format(
        what="Names of x86 model-specific registers by index, and other names that they go by.",
        source="Source: Intel SDM volume 4; AMD APM volume 2, appendix A; linux, arch/x86/include/asm/msr-index.h (GPL-2.0),\n"
        "arch/x86/include/uapi/asm/kvm_para.h and include/hyperv/hvgdk.h.",
    )
    body = "NAMES: Final[dict[int, str]] = {\n" + "".join(f'    0x{i:08X}: "{n}",\n' for i, n in sorted(names.items())) + "}\n\n"
    return (
        head
        + body
        + "ALIASES: Final[dict[str, int]] = {\n"
        + "".join(f'    "{a}": 0x{i:08X},\n' for a, i in sorted(aliases.items()))
        + "}\n"
    )


def features(table: dict) -> str:
    found: dict[str, dict[int, str]] = {}
    for key, bits in table["bits"].items():
        if isinstance(bits, dict):
            found[key.partition(" ")[0]] = {int(b): n for b, n in bits.items()}
    for key, bits in FEATURES.items():
        row = found.setdefault(key, {})
        for bit, name in bits.items():
            if name is None:
                row.pop(bit, None)
            else:
                row[bit] = name
    head = HEADER.format(
        what="Names of CPUID feature bits as /proc/cpuinfo has them, by (leaf, sub-leaf, register).",
        source="Source: linux, arch/x86/include/asm/cpufeatures.h and arch/x86/include/uapi/asm/kvm_para.h (GPL-2.0).",
    )
    body = "FEATURES: Final[dict[tuple[int, int, str], dict[int, str]]] = {\n"
    rows = {}
    for key, bits in found.items():
        parts = key.split(".")
        rows[int(parts[0], 16), int(parts[1]) if len(parts) == 3 else 0, parts[-1]] = bits
    for (leaf, sub, register), bits in sorted(rows.items()):
        inner = ", ".join(f'{b}: "{n}"' for b, n in sorted(bits.items()))
        body += f'    (0x{leaf:08X}, {sub}, "{register}"): {{{inner}}},\n'
    return head + body + "}\n"


def main() -> None:
    target = Path(sys.argv[3])
    (target / "x86_msrs.py").write_text(msrs(json.loads(Path(sys.argv[1]).read_text())))
    (target / "x86_features.py").write_text(features(json.loads(Path(sys.argv[2]).read_text())))


if __name__ == "__main__":
    main()
