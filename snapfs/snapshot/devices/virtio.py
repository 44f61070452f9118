"""What is virtio about a device: features, status, the configuration space, the queues.

Source: Cloud Hypervisor, virtio-devices/src/transport/pci_device.rs (`VirtioPciDeviceState`), pci_common_config.rs; up to v0.10
also virtio-mmio, whose transport holds all of it in one node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any

from snapfs.errors import CorruptState, SnapfsError
from snapfs.formats import virtio, virtio_config
from snapfs.layout import BOOL, DEC, Choice, Facets, Flags, Hex, facet
from snapfs.layout.facets import Text
from snapfs.snapshot.devices.parts import Parts
from snapfs.snapshot.devices.queues import Queue, Queues

__all__ = ["VirtioPart"]

_QUEUES = 1024


class VirtioPart(Facets):
    """The virtio side of a device; `kind` is the device type, None where it is not known."""

    def __init__(self, parts: Parts, kind: int | None) -> None:
        self._parts = parts
        self.kind = kind

    @cached_property
    def _transport(self) -> Mapping[str, Any]:
        try:
            found = self._parts.transport.data if self._parts.transport else None
        except SnapfsError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def _common(self) -> Mapping[str, Any]:
        component = self._parts.below("virtio_pci_common_config")
        try:
            found = component.data if component else None
        except SnapfsError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def source(self) -> Mapping[str, Any]:
        """State, transport and common configuration by key."""
        return {**self._common, **self._transport, **self._parts.keys()}

    def _number(self, key: str, bits: int) -> int:
        value = self.source.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise CorruptState(f"{self._parts.id}/{key}: {repr(value)[:60]} where a number of {bits} bits is expected")
        return value

    @property
    def in_force(self) -> int:
        """The features that both sides agreed on; 0 where they were not saved."""
        try:
            return self.offered & self.accepted
        except SnapfsError:
            return 0

    @facet(when=lambda self: self.kind is not None)
    def type(self) -> Annotated[int, Choice(virtio.TYPES)]:
        """Device type."""
        return self.kind or 0

    @facet(needs="driver_status")
    def status(self) -> Annotated[int, Flags(8, virtio.STATUS)]:
        """How far the driver has come."""
        return self._number("driver_status", 8)

    @facet(needs="avail_features")
    def offered(self) -> Annotated[int, Hex(64)]:
        """Features that the device offers."""
        return self._number("avail_features", 64)

    @facet(needs="acked_features")
    def accepted(self) -> Annotated[int, Hex(64)]:
        """Features that the driver accepted."""
        return self._number("acked_features", 64)

    @facet("features.txt", needs=("avail_features", "acked_features"))
    def features(self) -> Text:
        """Every feature that either side named."""
        offered, accepted = self.offered, self.accepted
        lines = ["# bit feature                      offered accepted"]
        for bit in range(64):
            if (offered | accepted) >> bit & 1:
                name = virtio.feature_name(self.kind, bit) or f"bit {bit}"
                lines.append(f"{bit:<5} {name:<28} {_mark(offered, bit):<7} {_mark(accepted, bit)}")
        return Text("\n".join(lines) + "\n")

    @facet("protocol_features", needs="acked_protocol_features")
    def protocol_features(self) -> Annotated[int, Flags(64, virtio.PROTOCOL)]:
        """Protocol features that both ends of vhost-user agreed on."""
        return self._number("acked_protocol_features", 64)

    @facet("activated", needs="device_activated")
    def device_activated(self) -> Annotated[bool, BOOL]:
        """Whether the device was started."""
        return self.source["device_activated"] is True

    @facet(needs="interrupt_status")
    def interrupt_status(self) -> Annotated[int, Flags(8, virtio.INTERRUPT_STATUS)]:
        """What a legacy interrupt would be for."""
        return self._number("interrupt_status", 8)

    @facet(needs="config_generation")
    def config_generation(self) -> Annotated[int, DEC]:
        """How often the configuration space has changed."""
        return self._number("config_generation", 32)

    @facet(needs="msix_config")
    def config_vector(self) -> Annotated[int, Choice({virtio.NO_VECTOR: "none"})]:
        """The entry of the MSI-X table for changes of the configuration space."""
        return self._number("msix_config", 16)

    @facet(needs="queue_select")
    def queue_select(self) -> Annotated[int, DEC]:
        """The queue that the driver looked at last."""
        return self._number("queue_select", 16)

    @facet(needs="device_feature_select")
    def device_feature_select(self) -> Annotated[int, DEC]:
        """The word of offered features that the driver looked at last."""
        return self._number("device_feature_select", 32)

    @facet(needs="driver_feature_select")
    def driver_feature_select(self) -> Annotated[int, DEC]:
        """The word of accepted features that the driver wrote last."""
        return self._number("driver_feature_select", 32)

    @facet(when=lambda self: self._space is not None)
    def config(self) -> Mapping[str, Any]:
        """Configuration space by field."""
        found: Mapping[str, Any] = virtio_config.read(self.kind, self._space, f"{self._parts.id}/config")
        return found

    @property
    def _space(self) -> Any:
        saved = self._parts.keys().get("config")
        if saved is None and self.kind == 19 and self._parts.entry:
            # not saved: the device answers with the context id of its configuration
            cid = self._parts.entry.get("cid")
            return {"guest_cid": cid} if isinstance(cid, int) else None
        return saved

    def queues(self, doorbell: Callable[[int], int | None]) -> Queues:
        """The queues; `doorbell` gives the address of each queue's."""
        saved = self.source.get("queues")
        if not isinstance(saved, list) or len(saved) > _QUEUES:
            raise CorruptState(f"{self._parts.id}: no list of at most {_QUEUES} queues")
        vectors = self.source.get("msix_queues")
        where = f"{self._parts.id}/queues"
        return Queues(
            {
                n: Queue(
                    n,
                    len(saved),
                    queue,
                    self.kind,
                    self.in_force,
                    self._parts.read,
                    f"{where}/{n}",
                    _at(vectors, n),
                    _at(self.source.get("vring_bases"), n),
                    self._parts.buffers,
                    doorbell,
                )
                for n, queue in enumerate(saved)
            }
        )


def _mark(features: int, bit: int) -> str:
    return "yes" if features >> bit & 1 else "no"


def _at(vectors: Any, number: int) -> int | None:
    found = vectors[number] if isinstance(vectors, list) and number < len(vectors) else None
    return found if isinstance(found, int) and 0 <= found < 1 << 16 else None
