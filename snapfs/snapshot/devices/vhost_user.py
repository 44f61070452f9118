"""Devices that another process serves: vhost-user of any kind, and vDPA, which hardware serves.

Before v18 vhost-user devices saved nothing, from v52 all kinds save the same. vDPA saves its state from v28.
Source: Cloud Hypervisor, virtio-devices/src/vhost_user/ (`VhostUserState`, before v52 `State` of each kind), vdpa.rs (`VdpaState`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from snapfs.layout import Hex, facet
from snapfs.layout.formed import Forms
from snapfs.snapshot.devices.device import VirtioDevice
from snapfs.snapshot.devices.net import Net
from snapfs.snapshot.devices.parts import Parts

__all__ = ["Vdpa", "VhostUser", "VhostUserBlock", "VhostUserFs", "VhostUserNet"]


class VhostUser(VirtioDevice):
    """A device of whatever type behind a vhost-user socket (from v52)."""

    KIND = "vhost-user"
    PLACES = ("generic_vhost_user",)
    STEMS = ("generic_vhost_user",)

    @classmethod
    def accepts(cls, parts: Parts) -> bool:
        return parts.vhost_user

    @property
    def device_type(self) -> int | None:
        found = super().device_type
        asked = self.parts.entry.get("device_type") if self.parts.entry and found is None else None
        return asked if isinstance(asked, int) else found

    @property
    def note(self) -> str:
        return f"{self.type_words or 'a device'} behind a vhost-user socket: what its back end knows is not in the snapshot"


class VhostUserBlock(VhostUser):
    """A disk behind a vhost-user socket."""

    KIND = "vhost-user-blk"
    PLACES = ("disks",)
    STEMS = ("disk",)
    TYPE = 2


class VhostUserNet(VhostUser, Net):
    """A network interface behind a vhost-user socket."""

    KIND = "vhost-user-net"
    PLACES = ("net",)
    STEMS = ("net",)
    TYPE = 1


class VhostUserFs(VhostUser):
    """A shared file system (virtiofsd)."""

    KIND = "vhost-user-fs"
    PLACES = ("fs",)
    STEMS = ("fs",)
    TYPE = 26

    @classmethod
    def accepts(cls, parts: Parts) -> bool:  # noqa: ARG003
        return True

    @facet(when=lambda self: isinstance(self.parts.entry and self.parts.entry.get("tag"), str))
    def tag(self) -> str:
        """The name that the guest mounts it by."""
        return str(self.parts.entry.get("tag")) if self.parts.entry else ""


class Vdpa(VirtioDevice):
    """A virtio device whose data path is hardware."""

    KIND = "vdpa"
    PLACES = ("vdpa",)
    STEMS = ("vdpa",)
    STATE: ClassVar[Forms] = {**VirtioDevice.STATE, "iova_range_first": Hex(64), "iova_range_last": Hex(64)}

    @property
    def device_type(self) -> int | None:
        saved: Any = self.source.get("device_type")
        return saved if isinstance(saved, int) and not isinstance(saved, bool) else super().device_type
