"""virtio consoles. Source: Cloud Hypervisor, virtio-devices/src/console.rs (`ConsoleState`)."""

from __future__ import annotations

from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Console"]


class Console(VirtioDevice):
    """A virtio console; `in_buffer` of the state is input that the guest has not taken."""

    KIND = "console"
    PLACES = ("console",)
    STEMS = ("console",)
    TYPE = 3
