#!/usr/bin/env python3
"""Derives snapfs/formats/facts/{arm64,riscv64}_onereg.py: names of the registers behind KVM's one-reg ids.

    python3 contrib/derive-onereg.py aarch64-onereg.json > snapfs/formats/facts/arm64_onereg.py
    python3 contrib/derive-onereg.py riscv64-onereg.json > snapfs/formats/facts/riscv64_onereg.py
    ruff format snapfs/formats/facts

The argument is the table of the format reference: `sysregs.<id>.name` and `other.<id>` for arm64, `registers.<id>` for riscv64.
"""

import json
import re
import sys
from pathlib import Path


def header(summary: str, source: str) -> None:
    print(f'"""{summary}\n')
    print(f"Derived by contrib/derive-onereg.py from {source}.")
    print("Do not edit by hand.")
    print('"""\n\nfrom __future__ import annotations\n\nfrom typing import Final\n')


def arm64(table: dict) -> None:
    header(
        "System registers of arm64 by the encoding in KVM's one-reg ids: op0 << 14 | op1 << 11 | CRn << 7 | CRm << 3 | op2.",
        "Linux arch/arm64/include/uapi/asm/kvm.h and arch/arm64/tools/sysreg (facts only; the files are GPL-2.0)",
    )
    print('__all__ = ["SYSTEM_REGISTERS"]\n')
    print("# names are the architecture manual's; for the two timer ids that KVM has swapped, the register that KVM keeps there")
    print("SYSTEM_REGISTERS: Final[dict[int, str]] = {")
    for key, entry in table["sysregs"].items():
        # "TIMER_CVAL = CNTV_CVAL_EL0 (KVM uses ...)": KVM's own word, the manual's name, a remark
        name = re.sub(r" \(.*\)$", "", entry["name"]).rpartition(" = ")[2]
        print(f"    0x{int(key, 16) & 0xFFFF:04x}: {name!r},")
    print("}")


def riscv64(table: dict) -> None:
    header(
        "Registers of riscv64 by KVM's one-reg id, as (group, name).",
        "Linux arch/riscv/include/uapi/asm/kvm.h (facts only; the file is GPL-2.0 with the syscall note)",
    )
    print('__all__ = ["REGISTERS"]\n')
    print("REGISTERS: Final[dict[int, tuple[str, str]]] = {")
    for key, name in table["registers"].items():
        print(f"    0x{int(key, 16):016x}: {tuple(name.split('.', 1))!r},")
    print("}")


def main() -> None:
    table = json.loads(Path(sys.argv[1]).read_text())
    (arm64 if "sysregs" in table else riscv64)(table)


if __name__ == "__main__":
    main()
