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

- Registers of EL2 and EL3, and whatever the host's KVM does not list. Under MSHV the general registers are all that is saved.
- The machine's clock before v53 (clock/), and the PL031 real-time clock in any release.
- The interrupt controller under MSHV. Under KVM it is in gic/.

What to know when reading:

- regs/sp is SP_EL0; the stack pointer in use is in summary.txt. spsr_abt to spsr_fiq are those of AArch32.
- sysregs/ has the manual's names; S<op0>_<op1>_C<n>_C<m>_<op2> is an encoding that has none, KVM_REG_ARM_* are KVM's own, and
  CCSIDR_EL1/ has one register for each value of CSSELR_EL1.
- CNTVCT_EL0 and CNTV_CVAL_EL0 are what KVM keeps under ids that have each other's encoding. The counters were read later than
  clock/, and at another time for each vCPU.
- Values marked as KVM's filler were never written by anyone.
- KVM knows no halted state here: a vCPU that waits in WFI is `runnable`. vcpus.txt calls it idle because of the instruction.
  `stopped` is one that PSCI has not started, or has turned off.
- v0.11 to v26 saved only the low half of the vector registers. With SVE (v53 and later) fpsimd/ is the low end of sve/.
- remarks.txt of each vCPU says which of these hold for it.
""",
    "riscv64": """\
Cloud Hypervisor does not save these, so they are nowhere in the snapshot:

- The interrupt controller (AIA: APLIC and IMSIC) but for the hart's own registers in aia/, and what the host's KVM does not list.
- The machine's clock, apart from timer/.

What to know when reading:

- fp/ has the registers of the D extension where the guest has it; fp_f/ is KVM's other view of the same memory and means nothing
  then. Of the vector registers no more than 64 bits are saved.
- KVM knows no halted state here: a hart that waits in WFI is `runnable`. vcpus.txt calls it idle because of the instruction.
""",
}


def vcpus(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `vcpus/`."""
    yield "README", TextFile(lambda: _readme(snap))
    yield "vcpus.txt", TextFile(lambda: _table(snap))
    if snap.has_common_cpuid:
        yield from reflect.directory("common_cpuid", lambda: snap.common_cpuid)
    for number in snap.vcpus:
        yield str(number), Dir(lambda n=number: _vcpu(snap.vcpus[n], lambda v: _doing(snap, v)))  # type: ignore[misc]


def _vcpu(vcpu: Vcpu, doing: Callable[[Vcpu], str] = lambda vcpu: vcpu.doing) -> Iterator[tuple[str, Node]]:
    if failure := vcpu.failure:
        yield "ERROR", error_file(failure)
        yield "raw", Dir(lambda: _raw(vcpu))
        return
    yield "summary.txt", TextFile(lambda: _summary(vcpu, doing))
    yield from reflect.facets(vcpu)
    yield "raw", Dir(lambda: _raw(vcpu))


def _doing(snap: Snapshot, vcpu: Vcpu) -> str:
    # imported here: whoever prints a register does not need page tables
    from snapfs.guest import idle

    return idle.doing(snap, vcpu)


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
            lambda v=v: _doing(snap, v),  # type: ignore[misc]
        )
        rows.append((str(number), *("?" if v.failure else told(answer) or "-" for answer in answers)))
    return columns(rows)


def _summary(vcpu: Vcpu, doing: Callable[[Vcpu], str]) -> str:
    facts = {"vCPU": str(vcpu.number), **vcpu.summary()}
    if "doing" in facts and facts["doing"] != "?":
        facts["doing"] = doing(vcpu)
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
    return TextFile(lambda: json.dumps(value, separators=(",", ":")) + "\n", lambda: value, composed=True)
