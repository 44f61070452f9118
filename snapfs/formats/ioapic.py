"""Redirection table entries of an I/O APIC.

Source: Intel 82093AA datasheet, section 3.2.4; linux, arch/x86/include/asm/io_apic.h (`IO_APIC_route_entry`) for the extended
destination that KVM offers.
"""

from __future__ import annotations

from typing import Final

from snapfs.formats.x86_lapic import DELIVERY_MODES
from snapfs.layout import BOOL, DEC, TEXT, Choice, Hex, Values

__all__ = ["pin"]

_DELIVERY: Final = Choice(DELIVERY_MODES)


def pin(entry: int, used: bool | None) -> Values:
    """An entry by its fields; `used` says whether the VMM has set up a route for the pin."""
    found = Values(
        [
            ("entry", entry, Hex(64)),
            ("vector", entry & 0xFF, DEC),
            ("delivery_mode", entry >> 8 & 7, _DELIVERY),
            ("destination_mode", "logical" if entry >> 11 & 1 else "physical", TEXT),
            # bits 0 to 7 at the top, bits 8 to 14 below them
            ("destination", entry >> 56 | (entry >> 49 & 0x7F) << 8, DEC),
            ("trigger", "level" if entry >> 15 & 1 else "edge", TEXT),
            ("polarity", "active-low" if entry >> 13 & 1 else "active-high", TEXT),
            ("masked", bool(entry >> 16 & 1), BOOL),
            ("delivery_pending", bool(entry >> 12 & 1), BOOL),
            ("remote_irr", bool(entry >> 14 & 1), BOOL),
        ]
    )
    if used is not None:
        found.put("used", used, BOOL)
    return found
