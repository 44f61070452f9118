"""The I/O APIC of an x86_64 machine.

Source: Cloud Hypervisor, devices/src/ioapic.rs (`IoapicState`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final

from snapfs.errors import CorruptState
from snapfs.formats.ioapic import pin
from snapfs.layout import Facets, Hex, Values, facet
from snapfs.snapshot.component import Component

__all__ = ["Ioapic", "component"]

# from v24 on, and before
_NAMES: Final = ("__ioapic", "_ioapic")


def component(machine: Component) -> Component | None:
    """The component that holds the I/O APIC's state; None where there is none."""
    return next((found for name in _NAMES if (found := machine.find("device-manager", name))), None)


class Ioapic(Facets):
    """The registers, and the pins with where each sends its interrupt."""

    def __init__(self, node: Component) -> None:
        self.component = node

    @cached_property
    def source(self) -> Mapping[str, Any]:
        data = self.component.data
        if not isinstance(data, dict):
            raise CorruptState(f"{self.component.where}: an I/O APIC's state is an object, this is not")
        return data

    @property
    def rest(self) -> Mapping[str, Any]:
        """The keys that no facet decodes."""
        known = self.understood()
        return {k: v for k, v in self.source.items() if k not in known}

    def _number(self, key: str, bits: int) -> int:
        return _word(self.source[key], bits, f"{self.component.where}/{key}")

    @facet(needs="id_reg")
    def id_reg(self) -> Annotated[int, Hex(32)]:
        """The identification register: the id is in bits 24 to 27."""
        return self._number("id_reg", 32)

    @facet(needs="reg_sel")
    def reg_sel(self) -> Annotated[int, Hex(32)]:
        """The register that the guest selected last."""
        return self._number("reg_sel", 32)

    @facet(needs="apic_address")
    def apic_address(self) -> Annotated[int, Hex(64)]:
        """Where interrupts are sent as messages: the local APICs' window. The registers themselves are at 0xfec00000."""
        return self._number("apic_address", 64)

    @facet(needs="reg_entries")
    def pins(self) -> Values:
        """The redirection entries by pin."""
        where = f"{self.component.where}/reg_entries"
        saved, used = self.source["reg_entries"], self.source.get("used_entries")
        if not isinstance(saved, list):
            raise CorruptState(f"{where}: {type(saved).__name__} where a list of redirection entries is expected")
        routed = used if isinstance(used, list) and len(used) == len(saved) else [None] * len(saved)
        found = Values()
        for i, (entry, route) in enumerate(zip(saved, routed, strict=True)):
            try:
                found.put(str(i), pin(_word(entry, 64, f"{where}/{i}"), None if route is None else bool(route)))
            except CorruptState as error:
                found.put(str(i), error)
        return found

    @facet(needs="used_entries", hidden=True)
    def used_entries(self) -> None:
        """Shown with each pin."""


def _word(value: Any, bits: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise CorruptState(f"{where}: {repr(value)[:40]} where a number of {bits} bits is expected")
    return value
