"""Whether a vCPU spins: runs a loop of a few instructions that waits for another vCPU, or for nothing at all.

The loop is recognised by the instruction that spin-wait loops are advised to hold (PAUSE; WFE and YIELD; RISC-V's PAUSE) and by the
jump back over it; a jump to itself ends there as well. Nothing is disassembled: bytes that look like such a loop around the program
counter are taken for one. Sources: Intel SDM volume 2, PAUSE and Jcc; Arm ARM, section C6.2 (B, WFE, YIELD); RISC-V unprivileged
specification, JAL and Zihintpause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from snapfs.snapshot.vcpu import Vcpu

if TYPE_CHECKING:
    from snapfs.guest.paging.space import Physical

__all__ = ["looping", "spins"]

#: bytes looked at on either side of the program counter: a spin-wait loop fits in, and a page is rarely left
REACH: Final = 48
_PAUSE: Final = b"\xf3\x90"
_SHORT_JUMPS: Final = frozenset((0xEB, *range(0x70, 0x80)))
# architecture -> the instructions that hint at spinning, and the jump to itself; both have four-byte instructions
_HINTS: Final = {"aarch64": ((0xD503205F, 0xD503203F), 0x14000000), "riscv64": ((0x0100000F,), 0x0000006F)}


def looping(arch: str, code: bytes, at: int) -> str:
    """What the code says about a program counter at the offset `at`: `a PAUSE loop`, `a jump to itself`, or nothing."""
    if arch == "x86_64":
        return _x86(code, at)
    if arch not in _HINTS:
        return ""
    hints, itself = _HINTS[arch]
    here, before = (int.from_bytes(code[i : i + 4], "little") for i in (at, at - 4))
    if here == itself:
        return "a jump to itself"
    return "a spin-wait loop" if here in hints or (at >= 4 and before in hints) else ""


def _x86(code: bytes, at: int) -> str:
    if code[at : at + 2] == b"\xeb\xfe":
        return "a jump to itself"
    for jump in range(at, len(code) - 1):
        if code[jump] not in _SHORT_JUMPS or code[jump + 1] < 0x80:
            continue
        target = jump + 2 + code[jump + 1] - 0x100
        if 0 <= target <= at and _PAUSE in code[target:jump]:
            return "a PAUSE loop"
    return ""


def spins(memory: Physical, vcpu: Vcpu) -> str:
    """The loop that the vCPU is in, in a few words; empty where it is in none that can be told. SnapfsError where its registers or
    the code cannot be read."""
    pc = vcpu.pc
    # in the old modes of x86 the program counter is relative to a segment
    if pc is None or vcpu.mode in ("real", "virtual-8086"):
        return ""
    # imported here: memory's models take longer than everything that prints a register
    from snapfs.guest import paging

    space = paging.space(memory, vcpu.paging)
    start, end = max(pc - REACH, pc & ~0xFFF), min(pc + REACH, (pc | 0xFFF) + 1)
    physical = space.translate(start).physical
    return looping(vcpu.arch, memory.read(physical, end - start), pc - start) if physical is not None else ""
