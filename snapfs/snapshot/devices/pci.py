"""The PCI function of a device: configuration space, base address registers, capabilities, message-signalled interrupts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Final

from snapfs.blob import Blob, Data
from snapfs.errors import CorruptState
from snapfs.formats import lspci, pci, pci_ids
from snapfs.layout import Facets, Flags, Hex, facet
from snapfs.layout.facets import Text
from snapfs.layout.formed import Formed
from snapfs.snapshot.component import Component

__all__ = ["PciFunction"]

_CONTROL: Final = {
    0x05: Flags(16, {0: "Enable", 7: "64bit", 8: "Maskable"}),
    0x11: Flags(16, {14: "Masked", 15: "Enable"}),
}
_HEX32: Final = Hex(32)
# address in the guest: the base address register and the offset that it is made of
_PLACES: Final = (
    ("mapped_at", "bar", "offset"),
    ("table_at", "table_bar", "table_offset"),
    ("pba_at", "pba_bar", "pba_offset"),
)
_FORMS: Final = {
    "mapped_at": Hex(64),
    "table_at": Hex(64),
    "pba_at": Hex(64),
    "id": Hex(16),
    "address": Hex(64),
    "data": Hex(32),
    "mask": _HEX32,
    "pending": _HEX32,
    "offset": Hex(64),
    "table_offset": _HEX32,
    "pba_offset": _HEX32,
    "capabilities": Hex(16),
    "control": Hex(16),
    "flags": Hex(16),
    "device_capabilities": _HEX32,
    "link_capabilities": _HEX32,
    "device_control": Hex(16),
    "device_status": Hex(16),
    "link_control": Hex(16),
    "link_status": Hex(16),
    "pci_cfg_data": _HEX32,
}


class PciFunction(Facets):
    """One function. What the device tree says of its address is true even where no configuration space was saved."""

    def __init__(
        self,
        bdf: str,
        configuration: Component | None,
        msix: Component | None = None,
        resources: Sequence[Mapping[str, Any]] = (),
        registers: Sequence[int] = (),
    ) -> None:
        """`registers` stand for a configuration space that is the same in every machine and is not saved."""
        self.address = bdf
        self._configuration = configuration
        self._msix = msix
        self._resources = resources
        self._fixed = registers

    @property
    def source(self) -> Mapping[str, Any]:
        return {"registers": 0} if self._configuration or self._fixed else {}

    @property
    def _state(self) -> Mapping[str, Any]:
        data = self._configuration.data if self._configuration else None
        return data if isinstance(data, dict) else {}

    @cached_property
    def space(self) -> pci.ConfigSpace:
        """The configuration space. CorruptState where it is damaged."""
        registers = self._fixed or self._state.get("registers")
        where = self._configuration.where if self._configuration else "pci"
        if not isinstance(registers, list | tuple) or len(registers) > 1024:
            raise CorruptState(f"{where}: no list of at most 1024 registers")
        if not all(isinstance(v, int) and 0 <= v < 1 << 32 for v in registers):
            raise CorruptState(f"{where}/registers: not all are 32-bit numbers")
        return pci.ConfigSpace(pci.from_registers(list(registers)))

    # ---- sizes: the function itself does not tell them, the sizing masks and the device tree do

    def sizes(self) -> dict[int, int]:
        """The bytes behind each base address register, by index, as a driver finds them; where that was not saved, as mapped.

        A driver sees no less than 16 bytes of memory, even where the VMM maps fewer.
        """
        found = {index: size for index, _, size in self._mapped()}
        bars = self._state.get("bars")
        masks = [b.get("size") if isinstance(b, dict) else None for b in bars] if isinstance(bars, list) else self._state.get("bar_size")
        if isinstance(masks, list):
            for bar in self.space.bars:
                if size := _size(masks, bar):
                    found[bar.index] = size
        return found

    def _mapped(self) -> Iterator[tuple[int, int, int]]:
        """Index, address and size of what the device tree says of base address registers (from v24)."""
        for resource in self._resources:
            bar = resource.get("PciBar")
            if isinstance(bar, dict):
                index, base, size = (bar.get(key) for key in ("index", "base", "size"))
                if isinstance(index, int) and isinstance(base, int) and isinstance(size, int):
                    yield index, base, size

    def _at(self, bar: int, offset: int) -> int | None:
        """The guest-physical address behind a base address register; None where that is not in use."""
        base = next((b.base for b in self.space.bars if b.index == bar and b.kind != "io"), 0)
        return base + offset if base and base + offset < 1 << 64 else None

    def doorbell(self, queue: int) -> int | None:
        """Where a driver notifies the virtio device of a queue; None where the capability is not there to tell."""
        if not self.source:
            return None
        space = self.space
        for capability in space.capabilities():
            fields = space.fields(capability) if space.is_virtio(capability) else {}
            if fields.get("cfg_type") == 2:
                # Cloud Hypervisor gives queue n the offset n
                return self._at(fields["bar"], fields["offset"] + queue * fields["notify_off_multiplier"])
        return None

    # ---- the files

    @facet(when=lambda self: bool(self.address))
    def bdf(self) -> str:
        """`segment:bus:device.function`."""
        return self.address

    @facet(needs="registers")
    def vendor(self) -> Annotated[int, Hex(16)]:
        """Vendor id."""
        return self.space.vendor

    @facet("vendor.name", needs="registers")
    def vendor_name(self) -> str:
        """Vendor."""
        return pci_ids.vendor_name(self.space.vendor)

    @facet(needs="registers")
    def device(self) -> Annotated[int, Hex(16)]:
        """Device id."""
        return self.space.device

    @facet("device.name", needs="registers")
    def device_name(self) -> str:
        """Device."""
        return pci_ids.device_name(self.space.vendor, self.space.device)

    @facet("class", needs="registers")
    def class_code(self) -> Annotated[int, Hex(24)]:
        """Class, subclass and programming interface."""
        return self.space.class_code

    @facet("class.name", needs="registers")
    def class_name(self) -> str:
        """Class."""
        return pci_ids.class_name(self.space.class_code >> 8)

    @facet(needs="registers")
    def command(self) -> Annotated[int, Flags(16, pci.COMMAND)]:
        """Command register."""
        return self.space.command

    @facet(needs="registers")
    def status(self) -> Annotated[int, Flags(16, pci.STATUS)]:
        """Status register."""
        return self.space.status

    @facet("config.bin", needs="registers")
    def config_bin(self) -> Blob:
        """Configuration space."""
        return Data(self.space.raw)

    @facet("config.txt", needs="registers")
    def config_txt(self) -> Text:
        """Configuration space in words."""
        return Text(lspci.describe(self.address or "????:??:??.?", self.space, self.sizes()))

    @facet("bars.txt")
    def bars(self) -> Text:
        """Base address registers: as the device has them, and where the VMM has mapped them."""
        lines = ["# bar kind  prefetchable register           size         mapped at"]
        mapped = {index: (base, size) for index, base, size in self._mapped()}
        sizes: Mapping[int, int] = {}
        if self.source:
            sizes = self.sizes()
            for bar in self.space.bars:
                size = sizes.get(bar.index)
                base, length = mapped.pop(bar.index, (None, size))
                at = f"0x{base:016x}" if base is not None else self._window(bar.base)
                if length != size:
                    at += f" ({length} bytes of it)"
                shown = "-" if size is None else str(size)
                lines.append(f"{bar.index:<5} {bar.kind:<5} {'yes' if bar.prefetchable else 'no':<12} 0x{bar.raw:016x} {shown:<12} {at}")
            if (rom := self.space.u32(0x30)) & ~0x7FF and self.space.header_type == 0:
                mask = self._state.get("rom_bar_size")
                shown = str(-(mask & ~0x7FF) & 0xFFFF_FFFF) if isinstance(mask, int) and mask & ~0x7FF else "-"
                lines.append(f"{'rom':<5} {'mem32':<5} {'no':<12} 0x{rom:016x} {shown:<12} {'-' if rom & 1 else 'disabled'}")
        for index, (base, size) in sorted(mapped.items()):
            lines.append(f"{index:<5} {'-':<5} {'-':<12} {'-':<18} {size:<12} 0x{base:016x}")
        moves = self._state.get("pending_bar_reprogram") if self.source else None
        for move in moves if isinstance(moves, list) else ():
            # the guest has written an address that the VMM had not put into effect (from v52)
            old, new = (move.get(key) if isinstance(move, dict) else None for key in ("old_base", "new_base"))
            if isinstance(old, int) and isinstance(new, int):
                lines.append(f"# to be moved from 0x{old:016x} to 0x{new:016x}")
        return Text("\n".join(lines) + "\n")

    def _window(self, base: int) -> str:
        """Where the device tree of v8 to v23 says that the window at `base` is; it knows no base address registers."""
        for resource in self._resources:
            for key in ("MmioAddressRange", "PioAddressRange"):
                window = resource.get(key)
                if isinstance(window, dict) and window.get("base") == base:
                    return f"0x{base:016x}"
        return "-"

    @facet("msix.txt", when=lambda self: self._msix is not None)
    def msix(self) -> Text:
        """Message-signalled interrupts: the table and the pending bits."""
        state = self._msix.data if self._msix else None
        entries = state.get("table_entries") if isinstance(state, dict) else None
        if not isinstance(state, dict) or not isinstance(entries, list):
            raise CorruptState(f"{self._msix.where if self._msix else 'msix_config'}: no table of interrupts")
        pending = state.get("pba_entries")
        lines = [f"# enabled {_yes(state.get('enabled'))}, function masked {_yes(state.get('masked'))}"]
        lines.append("# vector address            data       masked pending")
        for n, entry in enumerate(entries[:2048]):
            low, high, data, control = (_word(entry, key) for key in ("msg_addr_lo", "msg_addr_hi", "msg_data", "vector_ctl"))
            waits = "yes" if _pending(pending, n) else "no"
            line = f"{n:<8} 0x{high << 32 | low:016x} 0x{data:08x} {'yes' if control & 1 else 'no':<6} {waits:<7}"
            # an address of a local APIC names it, and the data the vector
            lines.append(line + (f" APIC {low >> 12 & 0xFF} vector 0x{data & 0xFF:02x}" if low >> 20 == 0xFEE else "").rstrip())
        return Text("\n".join(line.rstrip() for line in lines) + "\n")

    @facet(needs="registers")
    def capabilities(self) -> Mapping[str, Any]:
        """Capabilities by offset and name."""
        space = self.space
        found: dict[str, Any] = {}
        for capability in space.capabilities():
            fields = space.fields(capability)
            name = capability.name
            if space.is_virtio(capability):
                name = f"VirtIO-{pci.VIRTIO_CAPS.get(fields['cfg_type'], fields['cfg_type'])}"
            values: dict[str, Any] = {"id": capability.id, "name": name}
            if capability.version is not None:
                values["version"] = capability.version
            for key, bar, offset in _PLACES:
                if bar in fields and (at := self._at(fields[bar], fields[offset])) is not None and fields.get("size") != 0:
                    values[key] = at
            width = 3 if capability.version is not None else 2
            forms = _FORMS | ({"control": _CONTROL[capability.id]} if capability.id in _CONTROL else {})
            found[f"0x{capability.offset:0{width}x}-{name.split(' (')[0].replace(' ', '-')}"] = Formed(values | fields, forms)
        return found


def _yes(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else "unknown"


def _word(entry: Any, key: str) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    return value & 0xFFFF_FFFF if isinstance(value, int) else 0


def _pending(entries: Any, number: int) -> bool:
    word = entries[number // 64] if isinstance(entries, list) and number // 64 < len(entries) else 0
    return isinstance(word, int) and bool(word >> number % 64 & 1)


def _size(masks: list[Any], bar: pci.Bar) -> int:
    """The size that a sizing mask stands for; a 64-bit register has its mask in two halves. 0 where there is none."""
    halves = masks[bar.index : bar.index + (2 if bar.kind == "mem64" else 1)]
    if not halves or not all(isinstance(v, int) and 0 <= v < 1 << 32 for v in halves):
        return 0
    mask = sum(v << 32 * i for i, v in enumerate(halves)) & ~(3 if bar.kind == "io" else 15)
    return -mask & ((1 << 32 * len(halves)) - 1) if mask else 0
