"""The vCPUs: one module per pair of hypervisor and architecture, saying which key of the payload is which register group.

`ALL` is in order of preference; a payload that none of them recognises is shown by its keys. A module is imported when those
before it have not recognised a payload, so that nobody waits for the registers of another architecture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from snapfs.snapshot.component import Component
from snapfs.snapshot.vcpu.vcpu import Vcpu, payload

__all__ = ["ALL", "Vcpu", "Vcpus", "kinds", "read"]

_NUMBERED: Final = re.compile(r"[A-Za-z_-]*([0-9]{1,9})")

#: module and class
ALL: Final = (
    ("kvm_x86_64", "KvmX86Vcpu"),
    ("mshv_x86_64", "MshvX86Vcpu"),
    ("kvm_aarch64", "KvmArm64Vcpu"),
    ("kvm_riscv64", "KvmRiscvVcpu"),
    ("mshv_aarch64", "MshvArm64Vcpu"),
)


def kinds() -> Iterator[type[Vcpu]]:
    """The classes of `ALL`."""
    for module, name in ALL:
        kind: type[Vcpu] = getattr(import_module(f"{__name__}.{module}"), name)
        yield kind


def read(number: int, component: Component) -> Vcpu:
    """The vCPU behind a component of the CPU manager."""
    hypervisor, keys = payload(component)
    kind = next((k for k in kinds() if k.matches(hypervisor, keys)), Vcpu)
    return kind(number, component)


class Vcpus(Mapping[int, Vcpu]):
    """The vCPUs by number; a payload is parsed when its vCPU is first asked for."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        """`components` are those of the CPU manager: `0`, `000`, and whatever else ends in a number."""
        numbered = ((match[1], c) for key, c in components.items() if (match := _NUMBERED.fullmatch(key)))
        found = {int(number): component for number, component in numbered}
        self._components = {number: found[number] for number in sorted(found)}
        self._read: dict[int, Vcpu] = {}

    def __getitem__(self, number: int) -> Vcpu:
        if number not in self._read:
            self._read[number] = read(number, self._components[number])
        return self._read[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._components)

    def __len__(self) -> int:
        return len(self._components)
