"""The vCPUs: one module per pair of hypervisor and architecture, saying which key of the payload is which register group.

`ALL` is in order of preference; a payload that none of them recognises is shown by its keys.
"""

from __future__ import annotations

from snapfs.snapshot.component import Component
from snapfs.snapshot.vcpu import kvm_aarch64, kvm_riscv64, kvm_x86_64, mshv_aarch64, mshv_x86_64
from snapfs.snapshot.vcpu.vcpu import Vcpu, payload

__all__ = ["ALL", "Vcpu", "read"]

ALL: tuple[type[Vcpu], ...] = (
    kvm_x86_64.KvmX86Vcpu,
    mshv_x86_64.MshvX86Vcpu,
    kvm_aarch64.KvmArm64Vcpu,
    kvm_riscv64.KvmRiscvVcpu,
    mshv_aarch64.MshvArm64Vcpu,
)


def read(number: int, component: Component) -> Vcpu:
    """The vCPU behind a component of the CPU manager."""
    hypervisor, keys = payload(component)
    kind = next((k for k in ALL if k.matches(hypervisor, keys)), Vcpu)
    return kind(number, component)
