"""CPUID as a vCPU sees it: leaves by number, features by name, and who the processor says it is.

Source: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E; linux, arch/x86/kernel/cpu/common.c and arch/x86/lib/cpu.c for
family, model and stepping; the names of features are those of /proc/cpuinfo.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from snapfs.formats.facts.x86_features import FEATURES
from snapfs.formats.x86_cpuid_words import form_of, version
from snapfs.layout import DEC, TEXT, Flags, Form, Spelled, Values

__all__ = ["Cpuid", "Leaf"]

_NAME: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,8})(?:\.([0-9]{1,10}))?")
_HYPERVISOR: Final = 0x40000000

# the registers with feature bits in the order of /proc/cpuinfo
_ORDER: Final = (
    (0x1, 0, "edx"), (0x80000001, 0, "edx"), (0x80000007, 0, "edx"), (0x1, 0, "ecx"), (0x80000001, 0, "ecx"), (0x6, 0, "ecx"),
    (0x7, 0, "ebx"), (0xD, 1, "eax"), (0x7, 1, "eax"), (0x7, 1, "ebx"), (0x7, 1, "edx"), (0x7, 2, "edx"), (0x80000008, 0, "ebx"),
    (0x6, 0, "eax"), (0x8000000A, 0, "edx"), (0x7, 0, "ecx"), (0x80000007, 0, "ebx"), (0x7, 0, "edx"), (0x8000001F, 0, "eax"),
    (0x80000021, 0, "eax"), (0x80000022, 0, "eax"),
)  # fmt: skip
# bits that the kernel shows as other features
_SHOWN_AS: Final = {"invariant_tsc": ("constant_tsc", "nonstop_tsc"), "spec_ctrl": ("ibrs", "ibpb")}


@dataclass(frozen=True)
class Leaf:
    """What CPUID answers for one leaf and sub-leaf."""

    function: int
    index: int
    eax: int
    ebx: int
    ecx: int
    edx: int


def _letters(value: int) -> str:
    data = value.to_bytes(4, "little").rstrip(b"\0")
    return f'"{data.decode("ascii")}"' if data and all(0x20 <= b < 0x7F for b in data) else ""


_TEXT_LEAVES: Final = {0x0: "ebx edx ecx", 0x80000000: "ebx edx ecx", _HYPERVISOR: "ebx ecx edx"} | dict.fromkeys(
    (0x80000002, 0x80000003, 0x80000004), "eax ebx ecx edx"
)


def _form(leaf: Leaf, register: str, *, hyperv: bool) -> Form:
    """How a register of a leaf is written and spelled."""
    if not (hyperv and leaf.function == _HYPERVISOR + 1) and (names := FEATURES.get((leaf.function, leaf.index, register))):
        return Flags(32, names)
    if register in _TEXT_LEAVES.get(leaf.function, ""):
        return Spelled(32, _letters, None)
    return form_of(leaf.function, leaf.index, register, hyperv=hyperv)


class Cpuid(Values):
    """CPUID as a directory: what the processor is, its features, then every leaf as `0x00000007.0` with its four registers."""

    def __init__(self, entries: Iterable[Leaf]) -> None:
        """The first entry of a leaf counts, as for the guest; the zero padding behind the list is left out."""
        super().__init__()
        self.leaves: dict[tuple[int, int], Leaf] = {}
        for leaf in entries:
            self.leaves.setdefault((leaf.function, leaf.index), leaf)
        self._identity()
        for leaf in self.leaves.values():
            registers = ((r, getattr(leaf, r), _form(leaf, r, hyperv=self.under_hyperv)) for r in ("eax", "ebx", "ecx", "edx"))
            self.put(f"0x{leaf.function:08x}.{leaf.index}", Values(registers))

    def _identity(self) -> None:
        if vendor := self.vendor:
            self.put("vendor", vendor, TEXT)
        if brand := self.brand:
            self.put("brand", brand, TEXT)
        if signature := self.get_leaf(0x1):
            for name, value in zip(("family", "model", "stepping"), version(signature.eax), strict=True):
                self.put(name, value, DEC)
        if sizes := self.get_leaf(0x80000008):
            self.put("physical_address_bits", sizes.eax & 0xFF, DEC)
            self.put("linear_address_bits", sizes.eax >> 8 & 0xFF, DEC)
        if self.apic_id is not None:
            self.put("apic_id", self.apic_id, DEC)
        if hypervisor := self.get_leaf(_HYPERVISOR):
            self.put("hypervisor", _text(hypervisor.ebx, hypervisor.ecx, hypervisor.edx), TEXT)
            self.put("hypervisor_features", list(self._named(_HYPERVISOR + 1, 0, "eax") if self.under_kvm else ()), TEXT)
        if self.leaves:
            self.put("features", self.features, TEXT)

    @property
    def dotted(self) -> Collection[str]:
        """The names whose dot parts leaf and sub-leaf, in tables as well."""
        return [f"0x{function:08x}.{index}" for function, index in self.leaves]

    def get_leaf(self, function: int, index: int = 0) -> Leaf | None:
        """The answer for a leaf and sub-leaf; None when the list does not have it."""
        return self.leaves.get((function, index))

    @property
    def vendor(self) -> str:
        """`GenuineIntel`, `AuthenticAMD`; empty when leaf 0 is not there."""
        leaf = self.get_leaf(0x0)
        return _text(leaf.ebx, leaf.edx, leaf.ecx) if leaf else ""

    @property
    def brand(self) -> str:
        """The processor's name for people."""
        parts = [leaf for n in (0x80000002, 0x80000003, 0x80000004) if (leaf := self.get_leaf(n))]
        return _text(*(v for leaf in parts for v in (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx))).strip()

    @property
    def under_kvm(self) -> bool:
        """Whether KVM's own leaves are where they are by default."""
        leaf = self.get_leaf(_HYPERVISOR)
        return leaf is not None and _text(leaf.ebx, leaf.ecx, leaf.edx).startswith("KVMKVMKVM")

    @property
    def under_hyperv(self) -> bool:
        """Whether the hypervisor's leaves are Hyper-V's, which KVM shows where Cloud Hypervisor was told `kvm_hyperv`."""
        leaf = self.get_leaf(_HYPERVISOR)
        return leaf is not None and _text(leaf.ebx, leaf.ecx, leaf.edx) == "Microsoft Hv"

    @property
    def apic_id(self) -> int | None:
        """The APIC id: the x2APIC one where leaf 0x1F or 0xB has it, else that of leaf 1."""
        for function in (0x1F, 0xB):
            leaf = self.get_leaf(function)
            # releases before v33 set the id of leaf 0xB alone, without the level's number of processors
            if leaf and (leaf.ebx or leaf.edx):
                return leaf.edx
        leaf = self.get_leaf(0x1)
        return leaf.ebx >> 24 if leaf else None

    @property
    def features(self) -> list[str]:
        """The features by the names and in the order of /proc/cpuinfo, each once."""
        found = (shown for place in _ORDER for name in self._named(*place) for shown in _SHOWN_AS.get(name, (name,)))
        return list(dict.fromkeys(found))

    def _named(self, function: int, index: int, register: str) -> Iterator[str]:
        leaf = self.get_leaf(function, index)
        if leaf:
            value = getattr(leaf, register)
            yield from (name for bit, name in FEATURES[function, index, register].items() if value >> bit & 1)

    def find(self, name: str) -> str | None:
        """The name that stands here for `7`, `0x7`, `0x7.0` or `80000008`; None when there is none."""
        match = _NAME.fullmatch(name)
        key = (int(match[1], 16), int(match[2] or 0)) if match else None
        return f"0x{key[0]:08x}.{key[1]}" if key in self.leaves and key else None


def _text(*words: int) -> str:
    """The characters in registers, up to the first NUL; what is not ASCII as `?`."""
    data = b"".join(w.to_bytes(4, "little") for w in words).partition(b"\0")[0]
    return "".join(chr(b) if 0x20 <= b < 0x7F else "?" for b in data)
