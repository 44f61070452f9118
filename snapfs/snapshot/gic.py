"""The interrupt controller of aarch64 machines: distributor, redistributors, CPU interfaces and ITS.

The component is `gic-v3` (up to v16) or `gic-v3-its`, under the machine (up to v28) or under the device manager; from v46 its
state is tagged with the hypervisor, and MSHV's has no register. Sources: Cloud Hypervisor, hypervisor/src/arch/aarch64/gic.rs,
hypervisor/src/kvm/aarch64/gic/mod.rs (`Gicv3ItsState`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from snapfs.errors import CorruptState
from snapfs.formats import gicv3
from snapfs.layout import Facets, facet
from snapfs.layout.values import Values
from snapfs.snapshot.component import Component

__all__ = ["HEADING", "Gic", "component"]

#: the columns of `Gic.rows`
HEADING: Final = ("# number", "kind", "vcpu", "enabled", "pending", "active", "group", "trigger", "priority", "what")
_VECTORS: Final = ("dist", "rdist", "icc")
# the private interrupts that Cloud Hypervisor and KVM give to parts of every vCPU
_PRIVATE_USES: Final = {23: "PMU", 25: "GIC maintenance", 26: "EL2 timer", 27: "virtual timer", 30: "physical timer"}


def component(machine: Component) -> Component | None:
    """The component that holds the interrupt controller's state, wherever the release put it."""
    for parent in (machine.find("device-manager"), machine):
        for name, child in (parent.children if parent else {}).items():
            if name.startswith("gic-"):
                return child
    return None


class Gic(Facets):
    """The saved state of a GICv3, with what its registers mean for each interrupt."""

    def __init__(self, node: Component, affinities: Callable[[], Mapping[str, int]]) -> None:
        """`affinities` gives the number of the vCPU behind an affinity."""
        self.component = node
        self._affinities = affinities
        data = node.data
        self.kind_of_state = ""
        if isinstance(data, dict) and len(data) == 1:
            ((tag, inner),) = data.items()
            if isinstance(inner, dict):
                self.kind_of_state, data = tag, inner
        if data is not None and not isinstance(data, dict):
            raise CorruptState(f"{node.where}: {type(data).__name__} where the interrupt controller's state is expected")
        self._state: Mapping[str, Any] = data or {}

    @property
    def source(self) -> Mapping[str, Any]:
        return self._state

    @property
    def rest(self) -> Mapping[str, Any]:
        """The keys that no part decodes."""
        known = self.understood()
        return {k: v for k, v in self._state.items() if k not in known}

    def _number(self, key: str, value: Any, bits: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise CorruptState(f"{self.component.where}/{key}: {repr(value)[:40]} where a number of {bits} bits is expected")
        return value

    def _words(self, key: str, bits: int = 32) -> list[int]:
        value = self._state.get(key)
        if not isinstance(value, list):
            raise CorruptState(f"{self.component.where}/{key}: {type(value).__name__} where a list of registers is expected")
        return [self._number(key, v, bits) for v in value]

    @facet()
    def kind(self) -> str:
        """`gic-v3`, `gic-v3-its`, or the tag of a controller that saves no registers."""
        return self.component.name if set(_VECTORS) <= self._state.keys() else self.kind_of_state or self.component.name

    @facet(needs="gicd_ctlr", hidden=True)
    def control(self) -> int:
        """GICD_CTLR."""
        return self._number("gicd_ctlr", self._state["gicd_ctlr"], 32)

    @facet(needs="dist", hidden=True)
    def parts(self) -> gicv3.Distributor:
        """The distributor's registers and the shared interrupts."""
        return gicv3.distributor(self._words("dist"), self.control if "gicd_ctlr" in self._state else None)

    @facet(needs="dist")
    def distributor(self) -> Values:
        """The distributor's registers."""
        return self.parts.registers

    @facet(needs="dist")
    def spis(self) -> Mapping[int, gicv3.Interrupt]:
        """The shared interrupts by number."""
        return self.parts.spis

    @facet(needs="rdist", hidden=True)
    def per_vcpu(self) -> tuple[gicv3.Redistributor, ...]:
        """The redistributors in the order of the file."""
        return gicv3.redistributors(self._words("rdist"), with_its="its_ctlr" in self._state)

    @facet(needs="rdist")
    def redistributors(self) -> Mapping[int, Values]:
        """The registers of each vCPU's redistributor."""
        return {n: r.registers for n, r in enumerate(self.per_vcpu)}

    @facet(needs=("icc", "rdist"))
    def cpu_interfaces(self) -> Mapping[int, Values]:
        """The registers of each vCPU's CPU interface."""
        return dict(enumerate(gicv3.cpu_interfaces(self._words("icc"), len(self.per_vcpu))))

    @facet(needs="its_ctlr")
    def its(self) -> Values:
        """The interrupt translation service's registers; its tables are in guest RAM."""
        numbers: dict[str, Any] = {k: self._number(k, v, 64) for k, v in self._state.items() if k.startswith("its_") and k != "its_baser"}
        if "its_baser" in self._state:
            numbers["its_baser"] = self._words("its_baser", 64)
        return gicv3.its_registers(numbers)

    @facet(needs=("its_iidr", "its_cbaser", "its_cwriter", "its_creadr", "its_baser"), hidden=True)
    def its_keys(self) -> None:
        """Shown by `its`."""

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Every interrupt of this controller as words, in the order of HEADING."""
        copied = self.copied
        for vcpu, each in enumerate(self.per_vcpu):
            for number, interrupt in each.private.items():
                use = _PRIVATE_USES.get(number, "")
                note = f"{use} (vCPU 0's values)".strip() if copied and vcpu else use
                yield (str(number), "SGI" if number < 16 else "PPI", str(vcpu), *_words(interrupt), note)
        places = self._affinities()
        for number, interrupt in self.spis.items():
            owner = places.get(interrupt.route)
            yield (str(number), "SPI", "-" if owner is None else str(owner), *_words(interrupt), f"route {interrupt.route}")

    @facet("remarks.txt")
    def remarks(self) -> str:
        """What a reader of these registers has to know, one sentence per line."""
        return "\n".join(self._remarks())

    def _remarks(self) -> Iterator[str]:
        if not set(_VECTORS) <= self._state.keys():
            yield "This interrupt controller has no registers in the snapshot: the hypervisor keeps them to itself."
            return
        yield "Of each pair that sets and clears (ISENABLER and ICENABLER, ...) both hold the present state: 1 is enabled, pending, active."
        if "its_ctlr" in self._state:
            yield "The ITS's tables and the redistributors' pending tables were flushed to guest RAM; lpis/ is what they say."
        if self.copied:
            yield (
                "Redistributor and CPU interface of every vCPU are the same as those of vCPU 0. Cloud Hypervisor "
                "v29.0 to v53.0 saves vCPU 0's registers in the place of every vCPU's when the machine was booted rather than restored, "
                "so that those of vCPU 1 and up need not be what these vCPUs had."
            )

    @property
    def copied(self) -> bool:
        """Whether the values of every vCPU are those of vCPU 0, where the releases that copied them keep the controller."""
        frames = self.per_vcpu
        interfaces = list(self.cpu_interfaces.values())
        return (
            len(frames) > 1
            and self.component.parent is not None
            and self.component.parent.name == "device-manager"
            and all(r == frames[0] for r in frames)
            and all(i == interfaces[0] for i in interfaces)
        )


def _words(interrupt: gicv3.Interrupt) -> tuple[str, ...]:
    states = tuple("yes" if state else "no" for state in (interrupt.enabled, interrupt.pending, interrupt.active))
    return (*states, str(interrupt.group), interrupt.trigger, f"0x{interrupt.priority:02x}")
