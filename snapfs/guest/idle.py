"""Whether a kernel waits for an interrupt: on x86_64 the hypervisor saves that, elsewhere the guest's code tells.

KVM on aarch64 and riscv64 has no halted state: a vCPU that waits in WFI is saved as runnable, with the program counter behind the
instruction that it trapped. Sources: Arm Architecture Reference Manual, section C6.2 (WFI, WFIT; spin locks wait with WFE, which is not
idleness); RISC-V privileged specification, section 3.3.3 (WFI).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from snapfs.errors import SnapfsError
from snapfs.guest.spin import spins
from snapfs.snapshot import Snapshot
from snapfs.snapshot.vcpu import Vcpu

if TYPE_CHECKING:
    from snapfs.guest.paging.space import Physical

__all__ = ["doing", "waits"]

# architecture -> (mask, value) of the instructions that wait
_WAITS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "aarch64": ((0xFFFFFFFF, 0xD503207F), (0xFFFFFFE0, 0xD5031020)),
    "riscv64": ((0xFFFFFFFF, 0x10500073),),
}
_INSTRUCTION: Final = 4


def waits(memory: Physical, vcpu: Vcpu) -> bool:
    """Whether the vCPU is at an instruction that waits for an interrupt, or just behind it. SnapfsError where its registers or the
    code cannot be read."""
    known = _WAITS.get(vcpu.arch, ())
    pc = vcpu.pc
    if not known or pc is None or vcpu.in_user_mode:
        return False
    # imported here: memory's models take longer than everything that prints a register
    from snapfs.guest import paging

    space = paging.space(memory, vcpu.paging)
    for address in (pc - _INSTRUCTION, pc):
        physical = space.translate(address).physical if address >= 0 else None
        if physical is not None:
            word = int.from_bytes(memory.read(physical, _INSTRUCTION), "little")
            if any(word & mask == value for mask, value in known):
                return True
    return False


def doing(snap: Snapshot, vcpu: Vcpu) -> str:
    """What the vCPU seems to do, its code looked at where the saved state leaves that open."""
    told = vcpu.doing
    if vcpu.running in ("running", ""):
        try:
            if waits(snap.memory, vcpu):
                return "idle"
            if loop := spins(snap.memory, vcpu):
                return f"{told}, in {loop}" if told else f"in {loop}"
        except SnapfsError:
            pass
    return told
