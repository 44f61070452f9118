"""KVM's structures that are the same for every architecture.

Source: linux, include/uapi/linux/kvm.h.
"""

from __future__ import annotations

from snapfs.layout import Record, hex64, u32

__all__ = ["KvmMpState", "OneReg"]


class KvmMpState(Record, size=4):
    """struct kvm_mp_state; what the numbers mean differs by architecture."""

    mp_state: u32


class OneReg(Record, size=16):
    """struct kvm_one_reg; Cloud Hypervisor keeps the register's value where the kernel takes its address."""

    id: hex64
    addr: hex64
