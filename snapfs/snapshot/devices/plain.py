"""virtio devices whose state is little more than their features.

Source: Cloud Hypervisor, virtio-devices/src/rng.rs, rtc.rs, watchdog.rs, balloon.rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from snapfs.errors import SnapfsError
from snapfs.layout import DEC, facet
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["AnyVirtio", "Balloon", "Rng", "Rtc", "Watchdog"]

_PAGE = 4096


class Rng(VirtioDevice):
    """A source of random numbers."""

    KIND = "rng"
    PLACES = ("rng",)
    STEMS = ("rng",)
    TYPE = 4


class Rtc(VirtioDevice):
    """A clock (from v53)."""

    KIND = "rtc"
    PLACES = ("rtc",)
    STEMS = ("rtc",)
    TYPE = 17


class Watchdog(VirtioDevice):
    """A watchdog of Cloud Hypervisor's own; once `enabled` it resets a guest that no longer kicks it."""

    KIND = "watchdog"
    PLACES = ("watchdog",)
    STEMS = ("watchdog",)
    TYPE = 35

    def _facts(self) -> Iterator[str]:
        if isinstance(enabled := self.source.get("enabled"), bool):
            yield f"watchdog {'armed' if enabled else 'not armed'}"


class Balloon(VirtioDevice):
    """A balloon (its state is saved from v19)."""

    KIND = "balloon"
    PLACES = ("balloon",)
    STEMS = ("balloon",)
    TYPE = 5

    @facet(needs="config")
    def inflated(self) -> Annotated[int, DEC]:
        """Bytes that the guest has given up."""
        return self.config_number("actual") * _PAGE

    def _facts(self) -> Iterator[str]:
        try:
            yield f"balloon  {self.inflated} bytes given up"
        except SnapfsError:
            return


class AnyVirtio(VirtioDevice):
    """A virtio device of any other type."""

    KIND = "virtio"

    @property
    def note(self) -> str:
        return self.type_words
