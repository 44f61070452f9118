"""A PCI function as `lspci -vv` describes it.

Sizes stand where lspci puts them when it knows them. Source of the form: pciutils, ls-vpd.c, ls-caps.c, lspci.c (its output).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapfs.formats import pci_ids
from snapfs.formats.pci import COMMAND, EXTENDED, STATUS, VIRTIO_CAPS, Bar, Capability, ConfigSpace

__all__ = ["describe"]

_DEVSEL = ("fast", "medium", "slow", "??")
_EXPRESS = {
    0: "Endpoint",
    1: "Legacy Endpoint",
    4: "Root Port (Slot{slot})",
    5: "Upstream Port",
    6: "Downstream Port (Slot{slot})",
    7: "PCI-Express to PCI/PCI-X Bridge",
    8: "PCI/PCI-X to PCI-Express Bridge",
    9: "Root Complex Integrated Endpoint",
    10: "Root Complex Event Collector",
}


def describe(bdf: str, space: ConfigSpace, sizes: Mapping[int, int]) -> str:
    """The text for one function; `sizes` gives the bytes of each base address register by its index."""
    return "".join(line + "\n" for line in _lines(bdf, space, sizes))


def _sign(value: int, bit: int) -> str:
    return "+" if value >> bit & 1 else "-"


def _size(size: int) -> str:
    for shift, letter in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{letter}"
    return str(size)


def _lines(bdf: str, space: ConfigSpace, sizes: Mapping[int, int]) -> Iterator[str]:
    yield _first(bdf, space)
    if space.header_type == 0 and (subvendor := space.u16(0x2C)) not in (0, 0xFFFF):
        sub = space.u16(0x2E)
        name = pci_ids.subsystem_name(space.vendor, space.device, subvendor, sub)
        yield f"\tSubsystem: {pci_ids.pair(subvendor, sub, name)}"
    command, status = space.command, space.status
    yield "\tControl: " + " ".join(name + _sign(command, bit) for bit, name in COMMAND.items())
    bits = {bit: name + _sign(status, bit) for bit, name in STATUS.items()}
    order = [bits[4], bits[5], bits[6], bits[7], bits[8], f"DEVSEL={_DEVSEL[status >> 9 & 3]}"]
    yield "\tStatus: " + " ".join(order + [bits[n] for n in (11, 12, 13, 14, 15, 3)])
    if command & 4:
        yield f"\tLatency: {space.u8(0x0D)}" + _grants(space) + (f", Cache Line Size: {line * 4} bytes" if (line := space.u8(0x0C)) else "")
    if pin := space.u8(0x3D):
        yield f"\tInterrupt: pin {chr(ord('A') + pin - 1) if pin <= 26 else '?'} routed to IRQ {space.u8(0x3C)}"
    for bar in space.bars:
        yield _region(bar, command, sizes.get(bar.index, 0))
    rom = space.u32(0x30) if space.header_type == 0 else 0
    if rom & ~0x7FF:
        yield f"\tExpansion ROM at {rom & ~0x7FF:08x}" + (
            "" if rom & 1 and command & 2 else " [disabled by cmd]" if rom & 1 else " [disabled]"
        )
    for capability in space.capabilities():
        yield from _capability(space, capability)


def _grants(space: ConfigSpace) -> str:
    low, high = space.u8(0x3E), space.u8(0x3F)
    if space.header_type or not (low or high):
        return ""
    return " (" + ", ".join(([f"{low * 250}ns min"] if low else []) + ([f"{high * 250}ns max"] if high else [])) + ")"


def _first(bdf: str, space: ConfigSpace) -> str:
    code, interface = space.class_code >> 8, space.class_code & 0xFF
    name = pci_ids.pair(space.vendor, space.device, pci_ids.device_name(space.vendor, space.device))
    line = f"{bdf} {pci_ids.class_name(code)}: {name}"
    if space.revision:
        line += f" (rev {space.revision:02x})"
    program = pci_ids.program_name(code, interface)
    if interface or program:
        line += f" (prog-if {interface:02x}{f' [{program}]' if program else ''})"
    return line


def _region(bar: Bar, command: int, size: int) -> str:
    if bar.kind == "io":
        text = f"I/O ports at {bar.base:04x}" if bar.base else "I/O ports at <unassigned>"
        enabled = command & 1
    else:
        where = f"{bar.base:08x}" if bar.base else "<unassigned>"
        width = "64-bit" if bar.kind == "mem64" else "low-1M" if bar.raw & 6 == 2 else "32-bit"
        text = f"Memory at {where} ({width}, {'' if bar.prefetchable else 'non-'}prefetchable)"
        enabled = command & 2
    return f"\tRegion {bar.index}: {text}" + ("" if enabled else " [disabled]") + (f" [size={_size(size)}]" if size else "")


def _capability(space: ConfigSpace, capability: Capability) -> Iterator[str]:
    at = capability.offset
    if capability.version is not None:
        name = EXTENDED.get(capability.id, f"Extended Capability ID {capability.id:#x}")
        yield f"\tCapabilities: [{at:x} v{capability.version}] {name}"
        return
    head = f"\tCapabilities: [{at:02x}] "
    fields = space.fields(capability)
    if space.is_virtio(capability):
        # lspci has no word for the window into the BARs
        kind = fields["cfg_type"]
        yield f"{head}Vendor Specific Information: VirtIO: {VIRTIO_CAPS[kind] if kind in (1, 2, 3, 4) else '<unknown>'}"
        where = f"\t\tBAR={fields['bar']} offset={fields['offset']:08x} size={fields['size']:08x}"
        yield where + (f" multiplier={fields['notify_off_multiplier']:08x}" if kind == 2 else "")
    elif capability.id == 0x09:
        yield f"{head}Vendor Specific Information: Len={fields['length']:02x} <?>"
    elif capability.id == 0x11:
        control = fields["control"]
        yield f"{head}MSI-X: Enable{_sign(control, 15)} Count={fields['count']} Masked{_sign(control, 14)}"
        yield f"\t\tVector table: BAR={fields['table_bar']} offset={fields['table_offset']:08x}"
        yield f"\t\tPBA: BAR={fields['pba_bar']} offset={fields['pba_offset']:08x}"
    elif capability.id == 0x05:
        yield from _msi(head, fields)
    elif capability.id == 0x01:
        yield from _power(head, fields)
    elif capability.id == 0x10:
        flags = fields["flags"]
        kind_name = _EXPRESS.get(flags >> 4 & 15, f"Unknown type {flags >> 4 & 15}").format(slot=_sign(flags, 8))
        yield f"{head}Express (v{flags & 15}) {kind_name}, MSI {flags >> 9 & 31:02x}"
    else:
        yield head + (capability.name if capability.name[:7] != "Unknown" else f"#{capability.id:02x} [{space.u16(at + 2):04x}]")


def _msi(head: str, fields: Mapping[str, int]) -> Iterator[str]:
    control = fields["control"]
    count = f"{1 << (control >> 4 & 7)}/{1 << (control >> 1 & 7)}"
    yield f"{head}MSI: Enable{_sign(control, 0)} Count={count} Maskable{_sign(control, 8)} 64bit{_sign(control, 7)}"
    yield f"\t\tAddress: {fields['address']:0{16 if control & 0x80 else 8}x}  Data: {fields['data']:04x}"
    if "mask" in fields:
        yield f"\t\tMasking: {fields['mask']:08x}  Pending: {fields['pending']:08x}"


def _power(head: str, fields: Mapping[str, int]) -> Iterator[str]:
    cap, control = fields["capabilities"], fields["control"]
    current = (0, 55, 100, 160, 220, 270, 320, 375)[cap >> 6 & 7]
    wake = ",".join(f"{name}{_sign(cap, bit)}" for bit, name in ((11, "D0"), (12, "D1"), (13, "D2"), (14, "D3hot"), (15, "D3cold")))
    yield f"{head}Power Management version {cap & 7}"
    flags = f"PMEClk{_sign(cap, 3)} DSI{_sign(cap, 5)} D1{_sign(cap, 9)} D2{_sign(cap, 10)}"
    yield f"\t\tFlags: {flags} AuxCurrent={current}mA PME({wake})"
    state = f"D{control & 3} NoSoftRst{_sign(control, 3)} PME-Enable{_sign(control, 8)}"
    yield f"\t\tStatus: {state} DSel={control >> 9 & 15} DScale={control >> 13 & 3} PME{_sign(control, 15)}"
