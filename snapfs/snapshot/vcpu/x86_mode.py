"""What an x86_64 vCPU's registers say of its mode and privilege, whatever the hypervisor.

Source: Intel SDM volume 3, sections 2.2 (modes of operation) and 5.5 (privilege levels).
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Segment", "SpecialRegisters", "mode", "ring"]

_PE = 1 << 0
_LMA = 1 << 10
_VM = 1 << 17


class Segment(Protocol):
    """The parts of a segment register that decide."""

    @property
    def dpl(self) -> int: ...
    @property
    def l(self) -> int: ...  # noqa: E743 - the kernel's name


class SpecialRegisters(Protocol):
    """The parts of `kvm_sregs`, or of MSHV's `SpecialRegisters`, that decide."""

    @property
    def cs(self) -> Segment: ...
    @property
    def ss(self) -> Segment: ...
    @property
    def cr0(self) -> int: ...
    @property
    def efer(self) -> int: ...


def mode(rflags: int, sregs: SpecialRegisters) -> str:
    """`real`, `virtual-8086`, `protected`, `compatibility` or `long`."""
    if not sregs.cr0 & _PE:
        return "real"
    if sregs.efer & _LMA:
        return "long" if sregs.cs.l else "compatibility"
    return "virtual-8086" if rflags & _VM else "protected"


def ring(rflags: int, sregs: SpecialRegisters) -> int:
    """The current privilege level: hypervisors keep it in the stack segment's."""
    if not sregs.cr0 & _PE:
        return 0
    return 3 if rflags & _VM and not sregs.efer & _LMA else sregs.ss.dpl & 3
