"""`vcpus/`: one directory per vCPU, and all of them at a glance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from snapfs.blob import Data
from snapfs.snapshot import Snapshot
from snapfs.snapshot.vcpu import Vcpu
from snapfs.snapshot.vcpu.vcpu import told
from snapfs.tree import names, reflect
from snapfs.tree.nodes import Dir, ImageFile, Node, TextFile, error_file
from snapfs.tree.tables import columns

__all__ = ["vcpus"]

_NOT_SAVED: Final = {
    "x86_64": """\
Cloud Hypervisor does not save these, so they are nowhere in the snapshot:

- Debug registers DR0 to DR7 under KVM: hardware breakpoints of the guest are not known. Under MSHV they are in dbg/.
- The PIC (8259) and the PIT (8254): the machine has none in the kernel, and none is emulated. Interrupts go through ioapic/ and
  MSI; timers are the local APIC's (lapic/), the TSC and the KVM or Hyper-V clock (clock/).
- The i8042, the CMOS clock, the ACPI power management timer and the I/O ports' latches.
- Supervisor XSAVE components other than as MSRs (IA32_XSS, IA32_U_CET and so on), and before v50 XSAVE state beyond 4096 bytes
  (AMX tiles).
- MTRRs, unless msrs/ has them: the list of MSRs is that of the host's kernel, which had none of them until late.
- Caches, TLBs, branch history, performance counters' events in flight.

What to know when reading:

- fpu/mxcsr is always 0 under KVM; the true value is xsave/mxcsr. The other registers of fpu/ and xsave/ agree.
- msrs/ has EFER, IA32_APIC_BASE, FS_BASE and GS_BASE too, which the snapshot keeps in sregs/. While a vCPU is in user mode
  KERNEL_GS_BASE is the kernel's GS base.
- lapic/id is in xAPIC form (id << 24) even in x2APIC mode unless the VMM asked KVM otherwise; lapic/apic_id is the id.
- events/interrupt/nr and events/exception/nr may be left over from the past: they count with `injected` or `pending` only.
- Hyper-V's MSRs are listed whether or not the guest has Hyper-V features.
- CPUID is as the guest sees it; leaf 1 EBX[31:24] (APIC id) is 0 on every vCPU before v33, cpuid/apic_id is right.
""",
    "aarch64": """\
Cloud Hypervisor does not save these, so they are nowhere in the snapshot:

- Registers of EL2 and EL3, and of self-hosted debug that KVM does not list.
- The state of the PL031 clock.
""",
    "riscv64": """\
Cloud Hypervisor does not save these, so they are nowhere in the snapshot:

- The interrupt controller (AIA: APLIC and IMSIC), and registers that the host's KVM does not list.
""",
}


def vcpus(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `vcpus/`."""
    yield "README", TextFile(lambda: _readme(snap))
    yield "vcpus.txt", TextFile(lambda: _table(snap))
    if snap.has_common_cpuid:
        yield from reflect.directory("common_cpuid", lambda: snap.common_cpuid)
    for number in snap.vcpus:
        yield str(number), Dir(lambda n=number: _vcpu(snap.vcpus[n]))  # type: ignore[misc]


def _vcpu(vcpu: Vcpu) -> Iterator[tuple[str, Node]]:
    if failure := vcpu.failure:
        yield "ERROR", error_file(failure)
        yield "raw", Dir(lambda: _raw(vcpu))
        return
    yield "summary.txt", TextFile(lambda: _summary(vcpu))
    yield from reflect.facets(vcpu)
    yield "raw", Dir(lambda: _raw(vcpu))


def _readme(snap: Snapshot) -> str:
    kinds = dict.fromkeys(v.arch for v in snap.vcpus.values())
    head = (
        "One directory per vCPU; vcpus.txt has a line for each. In a vCPU's directory every group of registers is a directory with a\n"
        "table beside it: regs/rip is a line of regs.txt. summary.txt says what the vCPU is doing; raw/ is its payload as it was saved.\n"
    )
    return "\n".join([head, *(_NOT_SAVED[kind] for kind in kinds if kind in _NOT_SAVED)])


def _table(snap: Snapshot) -> str:
    """One line per vCPU. All columns but the last are one word."""
    pc, _, root, privilege = next((v.WORDS for v in snap.vcpus.values()), Vcpu.WORDS)
    rows: list[tuple[str, ...]] = [("# id", "mode", privilege, pc, root, "state", "doing")]
    for number, v in snap.vcpus.items():
        answers: tuple[Callable[[], str | int | None], ...] = (
            lambda v=v: v.mode,  # type: ignore[misc]
            lambda v=v: v.privilege,  # type: ignore[misc]
            lambda v=v: v.pc,  # type: ignore[misc]
            lambda v=v: v.page_table_root,  # type: ignore[misc]
            lambda v=v: v.running.replace(" ", "-"),  # type: ignore[misc]
            lambda v=v: v.doing,  # type: ignore[misc]
        )
        rows.append((str(number), *("?" if v.failure else told(answer) or "-" for answer in answers)))
    return columns(rows)


def _summary(vcpu: Vcpu) -> str:
    facts = {"vCPU": str(vcpu.number), **vcpu.summary()}
    width = max(map(len, facts))
    return "".join(f"{name:<{width}}  {text}\n" for name, text in facts.items())


def _raw(vcpu: Vcpu) -> Iterator[tuple[str, Node]]:
    """The payload whole, as its bytes were, and by key: a struct that was saved as bytes is those bytes, the rest is JSON."""
    yield "payload", ImageFile(lambda: Data(vcpu.component.payload_bytes))
    for key, value in vcpu.source.items():
        yield names.escape(key), _saved(value)


def _saved(value: Any) -> Node:
    if isinstance(value, list) and value and all(type(v) is int and 0 <= v <= 255 for v in value):
        return ImageFile(lambda: Data(bytes(value)))
    return TextFile(lambda: json.dumps(value, separators=(",", ":")) + "\n", lambda: value)
