"""What the registers of CPUID leaves mean where they are no features and no text: a form per leaf, sub-leaf and register.

Source: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E; linux, Documentation/virt/kvm/x86/cpuid.rst; Hyper-V TLFS,
chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from snapfs.formats.x86_flags import XCR0
from snapfs.layout import Flags, Form, Hex, Spelled

__all__ = ["form_of", "version"]

_PLAIN: Final = Hex(32)
_CACHES: Final = {1: "data", 2: "instruction", 3: "unified"}
_DOMAINS: Final = {0: "none", 1: "SMT", 2: "core", 3: "module", 4: "tile", 5: "die", 6: "die-group"}
_WAYS: Final = {0: "off", 1: "1", 2: "2", 4: "4", 6: "8", 8: "16", 10: "32", 11: "48", 12: "64", 13: "96", 14: "128", 15: "full"}


def version(eax: int) -> tuple[int, int, int]:
    """Family, model and stepping, as x86_family(), x86_model() and x86_stepping() find them."""
    family, model = eax >> 8 & 0xF, eax >> 4 & 0xF
    if family == 0xF:
        family += eax >> 20 & 0xFF
    if family >= 6:
        model += (eax >> 16 & 0xF) << 4
    return family, model, eax & 0xF


def _version(v: int) -> str:
    return "family={} model={} stepping={}".format(*version(v))


def _identity(v: int) -> str:
    return f"apic_id={v >> 24} logical_processors={v >> 16 & 0xFF} clflush={8 * (v >> 8 & 0xFF)} brand={v & 0xFF}"


def _cache(v: int) -> str:
    if not v & 0x1F:
        return "none"
    kind = _CACHES.get(v & 0x1F, f"type={v & 0x1F}")
    return f"{kind} level={v >> 5 & 7} shared_by={(v >> 14 & 0xFFF) + 1}" + (f" cores={(v >> 26) + 1}" if v >> 26 else "")


def _lines(v: int) -> str:
    return f"line={(v & 0xFFF) + 1} partitions={(v >> 12 & 0x3FF) + 1} ways={(v >> 22) + 1}" if v else ""


def _domain(v: int) -> str:
    return f"level={v & 0xFF} type={_DOMAINS.get(v >> 8 & 0xFF, v >> 8 & 0xFF)}"


def _l1(v: int) -> str:
    return f"size={v >> 24}KB ways={v >> 16 & 0xFF} lines_per_tag={v >> 8 & 0xFF} line={v & 0xFF}" if v else ""


def _l2(v: int) -> str:
    return f"size={v >> 16}KB ways={_WAYS.get(v >> 12 & 0xF, v >> 12 & 0xF)} line={v & 0xFF}" if v else ""


def _l3(v: int) -> str:
    return f"size={512 * (v >> 18)}KB ways={_WAYS.get(v >> 12 & 0xF, v >> 12 & 0xF)} line={v & 0xFF}" if v else ""


def _components(upper: bool) -> Form:
    shift = 32 if upper else 0
    return Flags(32, {bit - shift: name for bit, name in XCR0.names.items() if 0 <= bit - shift < 32})


def _count(text: str, *, add: int = 0) -> Form:
    """A register that is one number."""
    return Spelled(32, lambda v: text.format(v + add) if v else "", None)


def _words(words: Callable[[int], str]) -> Form:
    return Spelled(32, words, None)


def _fields(*fields: tuple[int, int, str], bits: dict[int, str] | None = None) -> Form:
    return Flags(32, bits or {}, fields)


_COMPONENT_FLAGS: Final = Flags(32, {0: "supervisor", 1: "aligned_64", 2: "XFD"})

# a sub-leaf of None is all those that have no row of their own
_FORMS: Final[dict[tuple[int, int | None, str], Form]] = {
    (0x0, 0, "eax"): _words(lambda v: f"highest_leaf=0x{v:x}"),
    (0x80000000, 0, "eax"): _words(lambda v: f"highest_leaf=0x{v:x}"),
    (0x40000000, 0, "eax"): _words(lambda v: f"highest_leaf=0x{v:x}" if v else ""),
    (0x1, 0, "eax"): _words(_version),
    (0x80000001, 0, "eax"): _words(_version),
    (0x1, 0, "ebx"): _words(_identity),
    (0x4, None, "eax"): _words(_cache),
    (0x4, None, "ebx"): _words(_lines),
    (0x4, None, "ecx"): _count("sets={}", add=1),
    (0x4, None, "edx"): _fields(bits={0: "no_WBINVD_sharing", 1: "inclusive", 2: "complex_indexing"}),
    (0x5, 0, "eax"): _count("smallest_line={}"),
    (0x5, 0, "ebx"): _count("largest_line={}"),
    (0x5, 0, "ecx"): _fields(bits={0: "extensions", 1: "interrupt_break"}),
    (0x6, 0, "ebx"): _fields((0, 4, "thresholds")),
    (0x7, 0, "eax"): _count("highest_sub_leaf={}"),
    (0xA, 0, "eax"): _fields((0, 8, "version"), (8, 8, "counters"), (16, 8, "width"), (24, 8, "events")),
    (0xA, 0, "edx"): _fields((0, 5, "fixed_counters"), (5, 8, "fixed_width"), bits={15: "any_thread_gone"}),
    (0xB, None, "eax"): _count("shift={}"),
    (0xB, None, "ebx"): _count("logical_processors={}"),
    (0xB, None, "ecx"): _words(_domain),
    (0xB, None, "edx"): _words(lambda v: f"x2apic_id={v}"),
    (0x1F, None, "eax"): _count("shift={}"),
    (0x1F, None, "ebx"): _count("logical_processors={}"),
    (0x1F, None, "ecx"): _words(_domain),
    (0x1F, None, "edx"): _words(lambda v: f"x2apic_id={v}"),
    (0xD, 0, "eax"): _components(upper=False),
    (0xD, 0, "edx"): _components(upper=True),
    (0xD, 0, "ebx"): _count("size_in_use={}"),
    (0xD, 0, "ecx"): _count("largest_size={}"),
    (0xD, 1, "ebx"): _count("compacted_size_in_use={}"),
    (0xD, 1, "ecx"): Flags(32, {8: "PT", 10: "PASID", 11: "CET_U", 12: "CET_S", 13: "HDC", 14: "UINTR", 15: "LBR", 16: "HWP"}),
    (0xD, None, "eax"): _count("size={}"),
    (0xD, None, "ebx"): _count("offset={}"),
    (0xD, None, "ecx"): _COMPONENT_FLAGS,
    (0x15, 0, "eax"): _count("denominator={}"),
    (0x15, 0, "ebx"): _count("numerator={}"),
    (0x15, 0, "ecx"): _count("crystal={}Hz"),
    (0x16, 0, "eax"): _count("base={}MHz"),
    (0x16, 0, "ebx"): _count("maximum={}MHz"),
    (0x16, 0, "ecx"): _count("bus={}MHz"),
    (0x1D, 1, "eax"): _fields((0, 16, "tile_bytes"), (16, 16, "bytes_per_tile")),
    (0x1D, 1, "ebx"): _fields((0, 16, "bytes_per_row"), (16, 16, "tiles")),
    (0x1D, 1, "ecx"): _fields((0, 16, "rows")),
    (0x1E, 0, "ebx"): _fields((0, 8, "tmul_rows"), (8, 16, "tmul_columns")),
    # Hyper-V's leaves where the hypervisor is Microsoft's, else unused
    (0x40000010, 0, "eax"): _count("tsc={}kHz"),
    (0x40000010, 0, "ebx"): _count("apic_bus={}kHz"),
    (0x80000005, 0, "ecx"): _words(_l1),
    (0x80000005, 0, "edx"): _words(_l1),
    (0x80000006, 0, "ecx"): _words(_l2),
    (0x80000006, 0, "edx"): _words(_l3),
    (0x80000008, 0, "eax"): _fields((0, 8, "physical_bits"), (8, 8, "linear_bits"), (16, 8, "guest_physical_bits")),
    (0x80000008, 0, "ecx"): _words(lambda v: f"threads={(v & 0xFF) + 1} apic_id_bits={v >> 12 & 0xF}"),
    (0x8000000A, 0, "eax"): _count("revision={}"),
    (0x8000000A, 0, "ebx"): _count("asids={}"),
    (0x8000001D, None, "eax"): _words(_cache),
    (0x8000001D, None, "ebx"): _words(_lines),
    (0x8000001D, None, "ecx"): _count("sets={}", add=1),
    (0x8000001D, None, "edx"): _fields(bits={0: "no_WBINVD_sharing", 1: "inclusive"}),
    (0x8000001E, 0, "eax"): _words(lambda v: f"extended_apic_id={v}"),
    (0x8000001E, 0, "ebx"): _words(lambda v: f"core_id={v & 0xFF} threads_per_core={(v >> 8 & 0xFF) + 1}"),
    (0x8000001E, 0, "ecx"): _words(lambda v: f"node_id={v & 0xFF} nodes={(v >> 8 & 7) + 1}"),
    (0x8000001F, 0, "ebx"): _fields((0, 6, "c_bit"), (6, 6, "physical_bits_lost"), (12, 4, "vmpls")),
    (0x8000001F, 0, "ecx"): _count("encrypted_guests={}"),
    (0x80000022, 0, "ebx"): _fields((0, 4, "core_counters"), (4, 6, "lbr_entries"), (10, 6, "northbridge_counters")),
}
# what the leaves below 0x40000010 mean when the vendor leaf says `Microsoft Hv`
_HYPERV: Final[dict[tuple[int, int | None, str], Form]] = {
    (0x40000002, 0, "eax"): _count("build={}"),
    (0x40000002, 0, "ebx"): _words(lambda v: f"version={v >> 16}.{v & 0xFFFF}"),
    (0x40000003, 0, "eax"): Flags(
        32,
        {0: "VP_RUNTIME", 1: "REFERENCE_COUNTER", 2: "SYNIC", 3: "STIMER", 4: "APIC_ACCESS", 5: "HYPERCALL", 6: "VP_INDEX", 7: "RESET",
         8: "STATS_PAGES", 9: "REFERENCE_TSC", 10: "GUEST_IDLE", 11: "FREQUENCY", 12: "DEBUG",
         13: "REENLIGHTENMENT", 15: "TSC_INVARIANT"},
    ),
    (0x40000003, 0, "edx"): Flags(
        32,
        {0: "MWAIT", 1: "GUEST_DEBUGGING", 2: "PERF_MONITOR", 3: "CPU_DYNAMIC_PARTITIONING", 4: "XMM_HYPERCALL_INPUT",
         5: "GUEST_IDLE_STATE", 8: "FREQUENCY_MSRS", 10: "CRASH_MSRS", 15: "XMM_HYPERCALL_OUTPUT", 19: "DIRECT_STIMER"},
    ),
    (0x40000004, 0, "eax"): Flags(
        32,
        {0: "AS_SWITCH", 1: "LOCAL_TLB_FLUSH", 2: "REMOTE_TLB_FLUSH", 3: "APIC_ACCESS", 4: "RESET", 5: "RELAXED_TIMING",
         6: "DMA_REMAPPING", 7: "INTERRUPT_REMAPPING", 9: "DEPRECATE_AUTO_EOI", 10: "CLUSTER_IPI",
         11: "EX_PROCESSOR_MASKS", 12: "NESTED", 14: "ENLIGHTENED_VMCS"},
    ),
    (0x40000004, 0, "ebx"): _words(lambda v: "spinlock_retries=never" if v == 0xFFFFFFFF else f"spinlock_retries={v}"),
    (0x40000005, 0, "eax"): _count("virtual_processors={}"),
    (0x40000005, 0, "ebx"): _count("logical_processors={}"),
}  # fmt: skip


def form_of(leaf: int, sub_leaf: int, register: str, *, hyperv: bool = False) -> Form:
    """How a register of a leaf is written and spelled."""
    for table in (_HYPERV, _FORMS) if hyperv else (_FORMS,):
        for key in ((leaf, sub_leaf, register), (leaf, None, register)):
            if key in table:
                return table[key]
    return _PLAIN
