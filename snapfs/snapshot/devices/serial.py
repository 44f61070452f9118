"""Serial ports: a 16550 (x86_64, riscv64) or a PL011 (aarch64).

Sources: Cloud Hypervisor, devices/src/legacy/serial.rs (`SerialState`), uart_pl011.rs (`Pl011State`); linux/serial_reg.h;
Arm PrimeCell UART (PL011) Technical Reference Manual, chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from snapfs.formats.virtio_requests import preview
from snapfs.layout import Choice, Flags, Hex, facet
from snapfs.layout.formed import Forms
from snapfs.snapshot.devices.device import Device
from snapfs.snapshot.devices.parts import Parts

__all__ = ["Pl011", "Serial"]

_CLOCK: Final = 115200
_PL011_CLOCK: Final = 24_000_000
_INTERRUPTS: Final = {0: "RI", 1: "CTS", 2: "DCD", 3: "DSR", 4: "RX", 5: "TX", 6: "RT", 7: "FE", 8: "PE", 9: "BE", 10: "OE"}


class Serial(Device):
    """A 16550 UART."""

    KIND = "serial"
    PLACES = ("serial",)
    STEMS = ("serial",)
    STATE: ClassVar[Forms] = {
        "interrupt_enable": Flags(8, {0: "RDI", 1: "THRI", 2: "RLSI", 3: "MSI"}),
        "interrupt_identification": Choice(
            {0: "modem status", 1: "none", 2: "transmitter empty", 4: "data received", 6: "line status", 12: "time-out"}, Hex(8)
        ),
        "line_control": Flags(
            8,
            {2: "STOP", 3: "PARITY", 4: "EPAR", 5: "SPAR", 6: "SBC", 7: "DLAB"},
            ((0, 2, "WLEN", {0: "5", 1: "6", 2: "7", 3: "8"}),),
        ),
        "line_status": Flags(8, {0: "DR", 1: "OE", 2: "PE", 3: "FE", 4: "BI", 5: "THRE", 6: "TEMT", 7: "FIFOE"}),
        "modem_control": Flags(8, {0: "DTR", 1: "RTS", 2: "OUT1", 3: "OUT2", 4: "LOOP", 5: "AFE"}),
        "modem_status": Flags(8, {0: "DCTS", 1: "DDSR", 2: "TERI", 3: "DDCD", 4: "CTS", 5: "DSR", 6: "RI", 7: "DCD"}),
        "scratch": Hex(8),
    }

    @classmethod
    def accepts(cls, parts: Parts) -> bool:
        return not parts.has("read_fifo")

    @facet(when=lambda self: isinstance(self._divisor, int) and self._divisor > 0)
    def line(self) -> str:
        """Speed and frame, as people write them: `115200 8N1`."""
        control = self.source.get("line_control")
        control = control if isinstance(control, int) else 0
        parity = "N" if not control & 8 else "MS"[control >> 4 & 1] if control & 32 else "OE"[control >> 4 & 1]
        return f"{_CLOCK // self._divisor} {5 + (control & 3)}{parity}{2 if control & 4 else 1}"

    @property
    def _divisor(self) -> Any:
        return self.source.get("baud_divisor")

    def glance(self) -> Iterator[str]:
        yield from super().glance()
        if isinstance(self._divisor, int) and self._divisor > 0:
            yield f"line     {self.line}"
        yield from _unread(self.source.get("in_buffer"))


class Pl011(Device):
    """An Arm PL011 UART."""

    KIND = "pl011"
    PLACES = ("serial",)
    STEMS = ("serial",)
    STATE: ClassVar[Forms] = {
        "flags": Flags(32, {0: "CTS", 1: "DSR", 2: "DCD", 3: "BUSY", 4: "RXFE", 5: "TXFF", 6: "RXFF", 7: "TXFE", 8: "RI"}),
        "lcr": Flags(
            32, {0: "BRK", 1: "PEN", 2: "EPS", 3: "STP2", 4: "FEN", 7: "SPS"}, ((5, 2, "WLEN", {0: "5", 1: "6", 2: "7", 3: "8"}),)
        ),
        "rsr": Flags(32, {0: "FE", 1: "PE", 2: "BE", 3: "OE"}),
        "cr": Flags(
            32,
            {0: "UARTEN", 1: "SIREN", 2: "SIRLP", 7: "LBE", 8: "TXE", 9: "RXE", 10: "DTR", 11: "RTS", 14: "RTSEN", 15: "CTSEN"},
        ),
        "dmacr": Flags(32, {0: "RXDMAE", 1: "TXDMAE", 2: "DMAONERR"}),
        "debug": Hex(32),
        "int_enabled": Flags(32, _INTERRUPTS),
        "int_level": Flags(32, _INTERRUPTS),
        "ilpr": Hex(32),
        "ifl": Flags(32, {}, ((0, 3, "TX"), (3, 3, "RX"))),
    }

    @classmethod
    def accepts(cls, parts: Parts) -> bool:
        return parts.has("read_fifo")

    @facet(when=lambda self: self._divisor > 0)
    def line(self) -> str:
        """Speed (of the 24 MHz that the device tree gives it) and frame, as people write them."""
        control = self._word("lcr")
        parity = "N" if not control & 2 else "MS"[control >> 2 & 1] if control & 128 else "OE"[control >> 2 & 1]
        # the divisor counts sixty-fourths, of sixteen clocks each
        return f"{_PL011_CLOCK * 4 // self._divisor} {5 + (control >> 5 & 3)}{parity}{2 if control & 8 else 1}"

    def _word(self, key: str) -> int:
        value = self.source.get(key)
        return value if isinstance(value, int) and 0 <= value < 1 << 32 else 0

    @property
    def _divisor(self) -> int:
        return (self._word("ibrd") & 0xFFFF) << 6 | self._word("fbrd") & 0x3F

    def glance(self) -> Iterator[str]:
        yield from super().glance()
        if self._divisor > 0:
            yield f"line     {self.line}"
        yield from _unread(self.source.get("read_fifo"))


def _unread(buffer: Any) -> Iterator[str]:
    if isinstance(buffer, list) and buffer and all(isinstance(b, int) and 0 <= b < 256 for b in buffer[:80]):
        yield f"input    {len(buffer)} bytes that the guest has not read: {preview(bytes(buffer[:80]))}"
