"""PCI configuration space: header, base address registers, capabilities.

Sources: PCI Local Bus 3.0 and PCI Express Base specifications (as linux/pci_regs.h names them), Virtio 1.2 section 4.1.4.
Walks are bounded: a list of capabilities that loops ends where it would begin again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BAR_NONE",
    "CAPABILITIES",
    "COMMAND",
    "EXTENDED",
    "STATUS",
    "VIRTIO_CAPS",
    "Bar",
    "Capability",
    "ConfigSpace",
]

COMMAND: Final = {
    0: "I/O",
    1: "Mem",
    2: "BusMaster",
    3: "SpecCycle",
    4: "MemWINV",
    5: "VGASnoop",
    6: "ParErr",
    7: "Stepping",
    8: "SERR",
    9: "FastB2B",
    10: "DisINTx",
}
STATUS: Final = {
    3: "INTx",
    4: "Cap",
    5: "66MHz",
    6: "UDF",
    7: "FastB2B",
    8: "ParErr",
    11: ">TAbort",
    12: "<TAbort",
    13: "<MAbort",
    14: ">SERR",
    15: "<PERR",
}
CAPABILITIES: Final = {
    0x01: "Power Management",
    0x02: "AGP",
    0x03: "Vital Product Data",
    0x04: "Slot ID",
    0x05: "MSI",
    0x06: "CompactPCI hot-swap",
    0x07: "PCI-X",
    0x08: "HyperTransport",
    0x09: "Vendor Specific Information",
    0x0A: "Debug port",
    0x0B: "CompactPCI central resource control",
    0x0C: "Hot-plug capable",
    0x0D: "Subsystem",
    0x0E: "AGP3",
    0x0F: "Secure device",
    0x10: "Express",
    0x11: "MSI-X",
    0x12: "SATA HBA",
    0x13: "PCI Advanced Features",
    0x14: "Enhanced Allocation (EA)",
}
EXTENDED: Final = {
    0x01: "Advanced Error Reporting",
    0x02: "Virtual Channel",
    0x03: "Device Serial Number",
    0x04: "Power Budgeting",
    0x0B: "Vendor Specific Information",
    0x0D: "Access Control Services",
    0x0E: "Alternative Routing-ID Interpretation (ARI)",
    0x0F: "Address Translation Service (ATS)",
    0x10: "Single Root I/O Virtualization (SR-IOV)",
    0x13: "Page Request Interface (PRI)",
    0x15: "Resizable BAR",
    0x17: "Transaction Processing Hints",
    0x18: "Latency Tolerance Reporting",
    0x19: "Secondary PCI Express",
    0x1B: "Process Address Space ID (PASID)",
    0x1E: "L1 PM Substates",
    0x1F: "Precision Time Measurement",
    0x23: "Designated Vendor-Specific",
    0x25: "Data Link Feature",
    0x26: "Physical Layer 16.0 GT/s",
}
# what a virtio capability describes, in lspci's words and, where it has none, in those of the specification
VIRTIO_CAPS: Final = {1: "CommonCfg", 2: "Notify", 3: "ISR", 4: "DeviceCfg", 5: "PCICfg", 8: "SharedMemory", 9: "VendorData"}
BAR_NONE: Final = "none"

_LENGTH: Final = 4096
_FIRST_EXTENDED: Final = 0x100


@dataclass(frozen=True)
class Bar:
    """A base address register as the device has it. `kind` is `io`, `mem32`, `mem64` or `none`."""

    index: int
    raw: int
    kind: str
    base: int
    prefetchable: bool


@dataclass(frozen=True)
class Capability:
    """An entry of a list of capabilities: where it is, its id, and for extended ones its version."""

    offset: int
    id: int
    version: int | None = None

    @property
    def name(self) -> str:
        """What the id stands for."""
        known = CAPABILITIES if self.version is None else EXTENDED
        return known.get(self.id, f"Unknown {self.id:#04x}")


class ConfigSpace:
    """The configuration space of one function; short ones read as zeros behind their end."""

    def __init__(self, data: bytes) -> None:
        """`data` is what the device returns, byte 0 first; at most 4096 bytes count."""
        self.raw = data[:_LENGTH]
        self._data = self.raw + bytes(_LENGTH - len(self.raw))

    def u8(self, offset: int) -> int:
        """The byte at `offset`."""
        return self._data[offset] if 0 <= offset < _LENGTH else 0

    def u16(self, offset: int) -> int:
        """The 16-bit word at `offset`."""
        return self.u8(offset) | self.u8(offset + 1) << 8

    def u32(self, offset: int) -> int:
        """The 32-bit word at `offset`."""
        return self.u16(offset) | self.u16(offset + 2) << 16

    @property
    def vendor(self) -> int:
        """The vendor id."""
        return self.u16(0)

    @property
    def device(self) -> int:
        """The device id."""
        return self.u16(2)

    @property
    def command(self) -> int:
        """The command register."""
        return self.u16(4)

    @property
    def status(self) -> int:
        """The status register."""
        return self.u16(6)

    @property
    def revision(self) -> int:
        """The revision."""
        return self.u8(8)

    @property
    def class_code(self) -> int:
        """Class, subclass and programming interface: 24 bits."""
        return self.u32(8) >> 8

    @property
    def header_type(self) -> int:
        """0 for a device, 1 for a bridge; bit 7, of a device with several functions, left out."""
        return self.u8(14) & 0x7F

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The base address registers in use; the upper half of a 64-bit one belongs to the lower."""
        found = []
        count = {0: 6, 1: 2}.get(self.header_type, 0)
        index = 0
        while index < count:
            raw = self.u32(0x10 + 4 * index)
            bar = self._bar(index, raw, count)
            if bar.kind != BAR_NONE:
                found.append(bar)
            index += 2 if bar.kind == "mem64" else 1
        return tuple(found)

    def _bar(self, index: int, raw: int, count: int) -> Bar:
        if raw in (0, 0xFFFF_FFFF):
            return Bar(index, raw, BAR_NONE, 0, prefetchable=False)
        if raw & 1:
            return Bar(index, raw, "io", raw & ~3, prefetchable=False)
        prefetchable = bool(raw & 8)
        if raw >> 1 & 3 == 2 and index + 1 < count:
            high = self.u32(0x14 + 4 * index)
            return Bar(index, raw | high << 32, "mem64", raw & ~15 | high << 32, prefetchable)
        return Bar(index, raw, "mem32", raw & ~15, prefetchable)

    def capabilities(self) -> Iterator[Capability]:
        """The capabilities in the order of the lists, the extended ones behind."""
        seen: set[int] = set()
        at = self.u8(0x34) & ~3 if self.status & 0x10 and self.header_type in (0, 1) else 0
        while at >= 0x40 and at not in seen:
            seen.add(at)
            if self.u8(at) == 0xFF:
                break
            yield Capability(at, self.u8(at))
            at = self.u8(at + 1) & ~3
        at = _FIRST_EXTENDED
        while at >= _FIRST_EXTENDED and at not in seen and at <= _LENGTH - 4:
            seen.add(at)
            header = self.u32(at)
            if header in (0, 0xFFFF_FFFF):
                break
            yield Capability(at, header & 0xFFFF, header >> 16 & 15)
            at = header >> 20 & ~3

    def fields(self, capability: Capability) -> dict[str, int]:
        """The named registers of a capability, for those that are known."""
        if capability.version is not None:
            return {}
        reader = {0x01: self._power, 0x05: self._msi, 0x09: self._vendor, 0x10: self._express, 0x11: self._msix}.get(capability.id)
        return reader(capability.offset) if reader else {}

    def is_virtio(self, capability: Capability) -> bool:
        """Whether a vendor-specific capability is one of virtio."""
        return capability.version is None and capability.id == 0x09 and self.vendor == 0x1AF4 and 0x1000 <= self.device <= 0x107F

    def _power(self, at: int) -> dict[str, int]:
        return {"capabilities": self.u16(at + 2), "control": self.u16(at + 4)}

    def _msi(self, at: int) -> dict[str, int]:
        control = self.u16(at + 2)
        wide = 4 if control & 0x80 else 0
        found = {"control": control, "address": self.u32(at + 4) | (self.u32(at + 8) << 32 if wide else 0), "data": self.u16(at + 8 + wide)}
        if control & 0x100:
            found |= {"mask": self.u32(at + 12 + wide), "pending": self.u32(at + 16 + wide)}
        return found

    def _vendor(self, at: int) -> dict[str, int]:
        found = {"length": self.u8(at + 2)}
        if self.is_virtio(Capability(at, 0x09)):
            kind = self.u8(at + 3)
            found |= {"cfg_type": kind, "bar": self.u8(at + 4), "instance": self.u8(at + 5)}
            found |= {"offset": self.u32(at + 8), "size": self.u32(at + 12)}
            if kind == 2:
                found["notify_off_multiplier"] = self.u32(at + 16)
            elif kind == 5:
                found["pci_cfg_data"] = self.u32(at + 16)
            elif kind == 8:
                found["offset"] |= self.u32(at + 16) << 32
                found["size"] |= self.u32(at + 20) << 32
        return found

    def _express(self, at: int) -> dict[str, int]:
        names = {2: "flags", 8: "device_control", 10: "device_status", 16: "link_control", 18: "link_status"}
        found = {"device_capabilities": self.u32(at + 4), "link_capabilities": self.u32(at + 12)}
        return found | {name: self.u16(at + offset) for offset, name in names.items()}

    def _msix(self, at: int) -> dict[str, int]:
        table, pending = self.u32(at + 4), self.u32(at + 8)
        control = self.u16(at + 2)
        return {
            "control": control,
            "count": (control & 0x7FF) + 1,
            "table_bar": table & 7,
            "table_offset": table & ~7,
            "pba_bar": pending & 7,
            "pba_offset": pending & ~7,
        }


def from_registers(registers: list[int]) -> bytes:
    """Configuration space out of its 32-bit registers."""
    return struct.pack(f"<{len(registers)}I", *registers)
