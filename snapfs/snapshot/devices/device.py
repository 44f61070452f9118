"""A device of any kind: what every device answers, and the parts that make up its directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from snapfs.errors import CorruptState, SnapfsError
from snapfs.formats import virtio
from snapfs.layout import Facets, Hex, facet
from snapfs.layout.facets import Text
from snapfs.layout.formed import Formed, Forms
from snapfs.snapshot.devices.parts import Parts
from snapfs.snapshot.devices.pci import PciFunction
from snapfs.snapshot.devices.queues import Queues
from snapfs.snapshot.devices.virtio import VirtioPart

__all__ = ["Device", "VirtioDevice"]

# keys of configuration entries that name something of the host
_ON_HOST: Final = (
    "path",
    "file",
    "socket",
    "sock",
    "vhost_socket",
    "src",
    "tap",
    "host_mac",
    "ip",
    "mask",
    "fds",
    "fd",
    "iobase",
    "mode",
)
# queues whose requests a summary names
_TOLD: Final = 32
_RESOURCES: Final = {
    "PciBar": {"base": Hex(64)},
    "MmioAddressRange": {"base": Hex(64)},
    "PioAddressRange": {"base": Hex(16)},
}


class Device(Facets):
    """One device. Kinds say by which list, id or PCI device they are known, and add facets of their own."""

    #: what the device is, in a word
    KIND: ClassVar[str] = "unknown"
    #: the configuration's lists whose entries are of this kind
    PLACES: ClassVar[tuple[str, ...]] = ()
    #: the stems of the ids that the VMM generates for this kind
    STEMS: ClassVar[tuple[str, ...]] = ()
    #: the virtio device type
    TYPE: ClassVar[int | None] = None
    #: how the values of the state are written
    STATE: ClassVar[Forms] = {}

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.id = parts.id

    @classmethod
    def accepts(cls, parts: Parts) -> bool:  # noqa: ARG003
        """Whether a device whose list, id or PCI device is of this kind really is."""
        return True

    @property
    def source(self) -> Mapping[str, Any]:
        """The state by key."""
        return self.parts.keys()

    @property
    def note(self) -> str:
        """What a reader must know of this kind; empty for most."""
        return ""

    # ---- the parts

    @facet()
    def kind(self) -> str:
        """What the device is."""
        return self.KIND

    @facet("summary.txt")
    def summary(self) -> Text:
        """The device at a glance."""
        return Text("".join(line + "\n" for line in self.glance()))

    @facet(when=lambda self: bool(self._host()))
    def host(self) -> Mapping[str, Any]:
        """What the device uses of the host."""
        return self._host()

    @facet(when=lambda self: self._has_state)
    def state(self) -> Any:
        """The state by name."""
        found = self.parts.state()
        return Formed(found, self.STATE) if isinstance(found, dict) else found

    @facet(when=lambda self: bool(self.parts.resources))
    def resources(self) -> list[Any]:
        """Addresses and interrupts that the device takes up."""
        return [Formed(r, _RESOURCES) for r in self.parts.resources]

    @facet(when=lambda self: self.is_pci)
    def pci(self) -> PciFunction:
        """The PCI function."""
        return PciFunction(self.bdf, self.parts.below("pci_configuration"), self.parts.below("msix_config"), self.parts.resources)

    # ---- what every device answers

    @property
    def _has_state(self) -> bool:
        """Whether the device saved anything; what cannot be decoded counts, the debug console's null does not."""
        try:
            return self.parts.state() is not None
        except SnapfsError:
            return True

    @property
    def bdf(self) -> str:
        """The PCI address; empty for what is no PCI function."""
        return self.parts.bdf

    @property
    def is_pci(self) -> bool:
        """Whether the device is a PCI function."""
        return bool(self.bdf) or self.parts.below("pci_configuration") is not None

    def _host(self) -> dict[str, Any]:
        entry = self.parts.entry
        found = {key: entry.get(key) for key in _ON_HOST if entry and entry.get(key) is not None}
        disk = self.source.get("disk_path")
        if isinstance(disk, str) and disk != found.get("path"):
            found["disk_path"] = disk
        return found

    @property
    def driver(self) -> str:
        """What the guest's driver has told the device; empty for a device that cannot say."""
        return ""

    @property
    def queue_count(self) -> int | None:
        """The number of queues; None for a device without."""
        return None

    def in_flight(self) -> str:
        """The entries in flight by queue, for the table of all devices; empty where there are none."""
        return ""

    def stuck(self) -> Iterator[str]:
        """A line for each queue whose entries in flight nobody works on; none for most devices."""
        return iter(())

    def glance(self) -> Iterator[str]:
        """The lines of the summary."""
        yield f"{self.id}: {self.kind}"
        if self.note:
            yield self.note
        if self.parts.entry:
            yield f"config   config/{self.parts.entry.path}"
        if host := self._host():
            yield "host     " + ", ".join(f"{k} {v}" for k, v in host.items())
        if self.is_pci:
            yield f"pci      {self._pci_line()}"

    def _pci_line(self) -> str:
        bdf = self.bdf or "address unknown"
        try:
            pci = self.pci
            if not pci.vendor:
                # of a device of the host the VMM keeps the base address registers only
                return f"{bdf}, ids not saved"
            return f"{bdf} {pci.vendor:04x}:{pci.device:04x} {pci.class_name}: {pci.vendor_name} {pci.device_name}".rstrip()
        except SnapfsError as error:
            return f"{bdf}: {error}" if self.pci.source else bdf


class VirtioDevice(Device):
    """A device that speaks virtio."""

    STATE: ClassVar[Forms] = {
        "avail_features": Hex(64),
        "acked_features": Hex(64),
        "acked_protocol_features": Hex(64),
        "backend_features": Hex(64),
    }

    @property
    def device_type(self) -> int | None:
        """The virtio device type: what the PCI function says, else what the kind is."""
        found = self.parts.virtio_type
        return self.TYPE if found is None else found

    @property
    def type_words(self) -> str:
        """The type in words, with its number; empty where nothing tells it."""
        number = self.device_type
        if number is None:
            return ""
        return f"virtio device type {number}" + (f" ({virtio.TYPES[number]})" if number in virtio.TYPES else "")

    @facet()
    def virtio(self) -> VirtioPart:
        """Features, status and configuration space."""
        return VirtioPart(self.parts, self.device_type)

    @facet(when=lambda self: "queues" in self.virtio.source)
    def queues(self) -> Queues:
        """The queues."""
        return self.virtio.queues(lambda number: self.pci.doorbell(number) if self.is_pci else None)

    @property
    def driver(self) -> str:
        try:
            status = self.virtio.status
        except SnapfsError:
            return ""
        if not status:
            return "none"
        return " ".join(name for bit, name in virtio.STATUS.items() if status >> bit & 1)

    @property
    def queue_count(self) -> int | None:
        try:
            return len(self.queues)
        except SnapfsError:
            return None

    def in_flight(self) -> str:
        try:
            queues = list(self.queues.values())
        except SnapfsError:
            return ""
        words = []
        for queue in queues:
            try:
                if count := queue.in_flight:
                    # buffers for what may arrive are no requests
                    waits = "(input)" if virtio.is_input(self.device_type, queue.role) else ""
                    words.append(f"{queue.role or queue.number}={count}{waits}")
            except SnapfsError:
                words.append(f"{queue.role or queue.number}=unreadable")
        return ",".join(words)

    def glance(self) -> Iterator[str]:
        yield from super().glance()
        yield f"driver   {self.driver or 'unknown'}"
        yield from self._facts()
        try:
            queues = list(self.queues.values())
        except SnapfsError:
            return
        told = 0
        for queue in queues:
            yield queue.line()
            if told < _TOLD:
                lines = list(queue.waiting())
                told += bool(lines)
                yield from (f"  {line}" for line in lines)

    def stuck(self) -> Iterator[str]:
        try:
            queues = list(self.queues.values())
        except SnapfsError:
            return
        for queue in queues:
            if queue.stuck and (lines := list(queue.waiting())):
                yield f"queue {queue.number}: " + "; ".join(lines)

    def config_number(self, name: str) -> int:
        """A number of the configuration space; CorruptState where it has none of that name."""
        value = getattr(self.virtio.config, name, None)
        if not isinstance(value, int):
            raise CorruptState(f"{self.id}/config: no {name} in it")
        return value

    def _facts(self) -> Iterator[str]:
        """Lines of the summary that only this kind has."""
        return iter(())
