"""The list of `{register id, value}` that KVM's vCPUs on arm64 and riscv64 are saved as.

Source: Cloud Hypervisor, hypervisor/src/kvm/{aarch64,riscv64}/mod.rs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snapfs.errors import CorruptState
from snapfs.formats.kvm import OneReg
from snapfs.layout import Form
from snapfs.layout.record import octets

__all__ = ["Registers", "extended_registers", "one_regs"]


def one_regs(value: Any, where: str) -> Iterator[OneReg]:
    """The registers of a payload's list: objects up to v38, 16 bytes each from v39."""
    if not isinstance(value, list):
        raise CorruptState(f"{where}: {type(value).__name__} where a list of registers is expected")
    return (OneReg.read(entry, f"{where}/{i}") for i, entry in enumerate(value))


def extended_registers(value: Any, where: str) -> Iterator[tuple[int, bytes]]:
    """Id and content of the registers that are wider than 64 bits, each `{"id": ..., "data": [bytes]}` (v53 and later)."""
    if not isinstance(value, list):
        raise CorruptState(f"{where}: {type(value).__name__} where a list of registers is expected")
    for i, entry in enumerate(value):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), int):
            raise CorruptState(f"{where}/{i}: no register id")
        yield entry["id"], octets(entry.get("data"), f"{where}/{i}/data")


class Registers(Mapping[str, Any]):
    """Registers by name in the order of the snapshot, each with its own text form. A value may be a mapping of registers that
    share a name and a form."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._forms: dict[str, Form] = {}

    def add(self, name: str, value: int, form: Form, part: str | None = None) -> None:
        """Adds a register; one that is listed again keeps its place and gets `#2`."""
        key, n = name, 2
        group = self._values.setdefault(name, {}) if part is not None else self._values
        if part is not None:
            key = part
        while key in group:
            key, n = f"{part or name}#{n}", n + 1
        group[key] = value
        self._forms[name if part is not None else key] = form

    def value(self, name: str) -> int | None:
        """The value of a register; None where the snapshot has none of that name."""
        found = self._values.get(name)
        return found if isinstance(found, int) else None

    def form_of(self, name: str) -> Form | None:
        """How the register of that name is written."""
        return self._forms.get(name)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
