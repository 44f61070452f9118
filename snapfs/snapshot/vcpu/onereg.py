"""The list of `{register id, value}` that KVM's vCPUs on arm64 and riscv64 are saved as.

Source: Cloud Hypervisor, hypervisor/src/kvm/{aarch64,riscv64}/mod.rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from snapfs.errors import CorruptState
from snapfs.formats.kvm import OneReg
from snapfs.layout import Form
from snapfs.layout.record import octets
from snapfs.layout.values import Values

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


class Registers(Values):
    """Registers by name in the order of the snapshot. A value may be a mapping of registers that share a name and a form."""

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[tuple[str, str | None], int] = {}

    def add(self, name: str, value: int, form: Form, part: str | None = None) -> None:
        """Adds a register, as `part` of a group where one is given; one that is listed again keeps its place and gets `#2`."""
        times = self._times[name, part] = self._times.get((name, part), 0) + 1
        again = f"#{times}" if times > 1 else ""
        if part is None:
            self.put(f"{name}{again}", value, form)
        else:
            group = self.setdefault(name, {})
            group[f"{part}{again}"] = value
            self.put(name, group, form)

    def value(self, name: str) -> int | None:
        """The value of a register; None where the snapshot has none of that name."""
        found = self.get(name)
        return found if isinstance(found, int) else None
