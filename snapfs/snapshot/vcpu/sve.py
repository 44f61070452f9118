"""SVE state as KVM's one-reg interface gives it: slices of Z, P and FFR, and a bitmap of vector lengths.

Source: linux, arch/arm64/include/uapi/asm/kvm.h (KVM_REG_ARM64_SVE_*); Arm Architecture Reference Manual, section B1.4 (SVE).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from snapfs.formats.kvm_arm64 import register_name, sve_register
from snapfs.layout import DEC, Form, Hex
from snapfs.snapshot.vcpu.onereg import extended_registers

__all__ = ["Sve"]

# bytes per unit of vector length; KVM_ARM64_SVE_VQ_MAX units are the most that the bitmap of 64 bytes can tell
_QUAD: Final = 16
_LENGTHS: Final = "KVM_REG_ARM64_SVE_VLS"


class Sve(Mapping[str, Any]):
    """`vl`, `current_vl` and `vector_lengths` in bytes, `z0` to `z31`, `p0` to `p15` and `ffr` as one number of the vCPU's largest
    vector length each, and by name or id whatever else was saved beside them."""

    def __init__(self, registers: Mapping[str, bytes], lengths: tuple[int, ...], others: Mapping[str, bytes], zcr: int | None) -> None:
        """`registers` are the joined slices by name, `lengths` the vector lengths in bytes, smallest first."""
        self._registers = registers
        self._lengths = lengths
        self._values: dict[str, Any] = {}
        if lengths:
            self._values["vl"] = lengths[-1]
            if zcr is not None:
                allowed = [n for n in lengths if n <= ((zcr & 0xF) + 1) * _QUAD]
                self._values["current_vl"] = allowed[-1] if allowed else lengths[0]
            self._values["vector_lengths"] = lengths
        self._values.update((name, int.from_bytes(data, "little")) for name, data in registers.items())
        self._values.update(others)

    @classmethod
    def read(cls, payload: Mapping[str, Any], where: str, zcr: int | None) -> Self:
        """The state out of a vCPU's payload; `zcr` is ZCR_EL1, which limits the vector length of EL1 and EL0."""
        slices: dict[str, dict[int, bytes]] = {}
        others: dict[str, bytes] = {}
        lengths: tuple[int, ...] = ()
        for key in ("pre_finalize_regs", "extended_regs"):
            for reg, data in extended_registers(payload.get(key) or [], f"{where.rpartition('/')[0]}/{key}"):
                if register_name(reg) == _LENGTHS:
                    bitmap = int.from_bytes(data, "little")
                    lengths = tuple((bit + 1) * _QUAD for bit in range(8 * len(data)) if bitmap >> bit & 1)
                elif found := sve_register(reg):
                    slices.setdefault(found[0], {})[found[1]] = data
                else:
                    others[register_name(reg)] = data
        registers = {name: b"".join(parts[i] for i in sorted(parts)) for name, parts in sorted(slices.items(), key=_order)}
        return cls(registers, lengths, others, zcr)

    def low_halves(self) -> Mapping[str, int]:
        """The low 128 bits of the Z registers: what AdvSIMD knows as V."""
        return {name: int.from_bytes(data[:_QUAD], "little") for name, data in self._registers.items() if name[0] == "z"}

    def form_of(self, name: str) -> Form | None:
        """Numbers are as wide as the vector length makes them, or as the saved bytes where more than that was saved."""
        if name in ("vl", "current_vl", "vector_lengths"):
            return DEC
        if name not in self._registers:
            return None
        saved = 8 * len(self._registers[name])
        wanted = 8 * self._lengths[-1] if self._lengths else saved
        wanted = wanted if name[0] == "z" else wanted // 8
        return Hex(wanted if 0 < wanted < saved and self._values[name] < 1 << wanted else saved)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _order(entry: tuple[str, Any]) -> tuple[bool, bool, int]:
    """Z before P before FFR, by number."""
    name = entry[0]
    return name[0] == "f", name[0] == "p", int(name[1:]) if name[1:].isdecimal() else 0
