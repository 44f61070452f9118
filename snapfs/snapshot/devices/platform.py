"""Devices of the platform: GPIO, pvpanic, ivshmem, interrupt controllers, consoles for debugging, TPM.

Sources: Cloud Hypervisor, devices/src/ (ioapic.rs, gic.rs, pvpanic.rs, ivshmem.rs, legacy/gpio_pl061.rs, tpm.rs, debug_console.rs).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from snapfs.layout import Flags, Form, Hex, facet
from snapfs.layout.formed import Forms
from snapfs.snapshot.devices.device import Device

__all__ = ["DebugConsole", "Gic", "Gpio", "IoApic", "Ivshmem", "PvMemControl", "PvPanic", "SgxEpc", "Tpm"]

_GIC: Final[dict[str, Form]] = {
    **dict.fromkeys(("dist", "rdist", "icc", "gicd_ctlr"), Hex(32)),
    **dict.fromkeys(("its_ctlr", "its_iidr", "its_cbaser", "its_cwriter", "its_creadr", "its_baser"), Hex(64)),
}
_LINES = Flags(32, {n: str(n) for n in range(8)})


class IoApic(Device):
    """The IO-APIC; its redirection entries are spelled out in ioapic/ at the top."""

    KIND = "ioapic"
    STEMS = ("ioapic",)
    STATE: ClassVar[Forms] = {"id_reg": Hex(32), "reg_sel": Hex(32), "reg_entries": Hex(64), "apic_address": Hex(64)}


class Gic(Device):
    """The Arm interrupt controller; its registers are spelled out in gic/ at the top."""

    KIND = "gic"
    STEMS = ("gic", "gic-v3", "gic-v3-its", "gic-v")
    # the state is inside the hypervisor's tag from v46 on
    STATE: ClassVar[Forms] = _GIC | {"Kvm": _GIC}

    @property
    def note(self) -> str:
        return "the registers are in gic/ by name"


class Gpio(Device):
    """A PL061 with the power button on line 3; registers have a bit per line."""

    KIND = "gpio"
    STEMS = ("gpio",)
    STATE: ClassVar[Forms] = dict.fromkeys(("data", "old_in_data", "dir", "isense", "ibe", "iev", "im", "istate", "afsel"), _LINES)


class PvPanic(Device):
    """Where the guest reports that it has panicked; `events` are those that the device takes."""

    KIND = "pvpanic"
    PLACES = ("pvpanic",)
    STEMS = ("pvpanic",)
    STATE: ClassVar[Forms] = {"events": Flags(8, {0: "PANICKED", 1: "CRASHLOADED", 2: "SHUTDOWN"})}

    @facet(needs="events")
    def events(self) -> Annotated[int, Flags(8, {0: "PANICKED", 1: "CRASHLOADED", 2: "SHUTDOWN"})]:
        """The events that the guest may report."""
        found: Any = self.source["events"]
        return found if isinstance(found, int) and 0 <= found < 256 else 0


class Ivshmem(Device):
    """Memory shared with other processes of the host (from v48); its content is not in the snapshot."""

    KIND = "ivshmem"
    PLACES = ("ivshmem",)
    STEMS = ("ivshmem",)
    STATE: ClassVar[Forms] = dict.fromkeys(("interrupt_mask", "interrupt_status", "iv_position", "doorbell"), Hex(32))


class PvMemControl(Device):
    """The guest's hand in the host's memory management (from v41); it keeps no state."""

    KIND = "pvmemcontrol"
    PLACES = ("pvmemcontrol",)
    STEMS = ("pvmemcontrol",)


class DebugConsole(Device):
    """An I/O port for early output (from v38); it keeps no state."""

    KIND = "debug-console"
    PLACES = ("debug_console",)
    STEMS = ("debug_console",)


class SgxEpc(Device):
    """Memory for SGX enclaves (v0.9 to v47); hardware encrypts it, and nothing of it is saved."""

    KIND = "sgx-epc"
    PLACES = ("sgx_epc",)

    @property
    def note(self) -> str:
        return "memory for enclaves: it is never in a snapshot"


class Tpm(Device):
    """A TPM behind a socket; nothing of it is saved."""

    KIND = "tpm"
    PLACES = ("tpm",)
    STEMS = ("tpm",)

    @property
    def note(self) -> str:
        return "no release saves the state of the TPM; it is in the emulator behind the socket"
