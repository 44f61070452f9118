"""Sockets between guest and host. Source: Cloud Hypervisor, virtio-devices/src/vsock/device.rs (`VsockState`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from snapfs.errors import CorruptState
from snapfs.layout import DEC, facet
from snapfs.layout.facets import Text
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Vsock"]


class Vsock(VirtioDevice):
    """A vsock device; the host side is a Unix socket."""

    KIND = "vsock"
    PLACES = ("vsock",)
    STEMS = ("vsock",)
    TYPE = 19

    @facet(when=lambda self: isinstance(self.parts.entry and self.parts.entry.get("cid"), int))
    def cid(self) -> Annotated[int, DEC]:
        """The guest's context id."""
        found: int = self.parts.entry.get("cid") if self.parts.entry else 0
        return found

    @facet("connections.txt", needs="connections")
    def connections(self) -> Text:
        """Streams that were open (saved from v52): the host's port and the guest's; a restore resets them."""
        listed = self.source["connections"]
        if not isinstance(listed, list) or not all(isinstance(c, list) and len(c) == 2 for c in listed):
            raise CorruptState(f"{self.id}/connections: no list of pairs of ports")
        return Text("# host port  guest port\n" + "".join(f"{local!s:<12} {peer!s}\n" for local, peer in listed))

    def _facts(self) -> Iterator[str]:
        listed = self.source.get("connections")
        if isinstance(listed, list):
            yield f"vsock    {len(listed)} connections"
