"""Whole-memory files as blobs: each a function from a snapshot to a Blob, nothing of which is copied or looked for before it is
read.

    images.vmcore(snap).pread(0, 64)

`cores` are the ELF cores, `lime` the LiME image; both are made of the ranges that `ram` lays end to end.
"""

from __future__ import annotations

from snapfs.blob import Blob
from snapfs.images.cores import Cores
from snapfs.images.lime import lime as _lime
from snapfs.images.ram import Packed
from snapfs.snapshot import Snapshot

__all__ = ["gdb_core", "lime", "physical", "vmcore"]


def physical(snap: Snapshot) -> Blob:
    """Guest-physical memory: offset is address."""
    return snap.memory.physical


def vmcore(snap: Snapshot) -> Blob:
    """The ELF core for crash, drgn and volatility: all vCPUs, physical memory."""
    return Cores(snap.memory, snap.vcpus).vmcore


def gdb_core(snap: Snapshot, vcpu: int) -> Blob:
    """The ELF core for gdb: one vCPU, and memory at the virtual addresses of its page tables."""
    return Cores(snap.memory, snap.vcpus).gdb(vcpu)


def lime(snap: Snapshot) -> Blob:
    """The LiME image: the ranges of RAM, each behind a header."""
    return _lime(Packed(snap.memory))
