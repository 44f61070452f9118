"""The machine's clock as it was at the pause. Each kind of clock is recognised by its keys.

Source: Cloud Hypervisor, vmm/src/vm.rs (`VmSnapshot.clock`), hypervisor/src/lib.rs (`ClockData`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from snapfs.errors import CorruptState
from snapfs.layout import DEC, Facets, Hex, facet
from snapfs.snapshot.component import Component

__all__ = ["ALL", "ArmCounter", "Clock", "read"]


class Clock(Facets):
    """A clock of any kind; keys that no facet needs are shown as they are."""

    #: the keys by which a kind is recognised
    KEYS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, hypervisor: str, keys: Mapping[str, Any], where: str) -> None:
        self.hypervisor = hypervisor
        self._keys = keys
        self._where = where

    @property
    def source(self) -> Mapping[str, Any]:
        return self._keys

    @property
    def rest(self) -> Mapping[str, Any]:
        """The keys that no facet decodes."""
        known = self.understood()
        return {k: v for k, v in self._keys.items() if k not in known}

    def number(self, key: str, bits: int = 64) -> int:
        """A value of the clock that has to be an unsigned number."""
        value = self._keys.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise CorruptState(f"{self._where}/{key}: {repr(value)[:40]} where a number of {bits} bits is expected")
        return value

    @property
    def tells_time(self) -> bool:
        """Whether the clock holds the wall-clock time of the pause; decodes nothing."""
        return False

    @property
    def paused_ns(self) -> int | None:
        """The host's wall-clock time of the pause, in nanoseconds since 1970; None where the clock does not tell."""
        return None

    @facet("wall_clock", when=lambda clock: clock.tells_time)
    def wall_clock(self) -> str:
        """The host's wall-clock time of the pause, in UTC."""
        seconds, nanoseconds = divmod(self.paused_ns or 0, 10**9)
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        except OverflowError:
            raise CorruptState(f"{self._where}: a wall-clock time of {seconds} seconds since 1970 is beyond the calendar") from None
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


class ArmCounter(Clock):
    """The generic timer's counter of aarch64 (v53 and later)."""

    KEYS = frozenset({"cntvct"})

    @facet(needs="cntvct")
    def cntvct(self) -> Annotated[int, Hex(64)]:
        """The virtual counter, as the guest sees it."""
        return self.number("cntvct")

    @facet(needs="cntfrq")
    def cntfrq(self) -> Annotated[int, DEC]:
        """The counter's frequency in Hz."""
        return self.number("cntfrq")

    @facet(needs="host_realtime_ns")
    def host_realtime_ns(self) -> Annotated[int, DEC]:
        """The host's wall-clock time, in nanoseconds since 1970."""
        return self.number("host_realtime_ns")

    @property
    def tells_time(self) -> bool:
        return "host_realtime_ns" in self.source

    @property
    def paused_ns(self) -> int | None:
        return self.number("host_realtime_ns") if self.tells_time else None

    @facet("counted_ns", needs=("cntvct", "cntfrq"))
    def counted_ns(self) -> Annotated[int, DEC]:
        """How long the counter has run, in nanoseconds."""
        if not self.cntfrq:
            raise CorruptState(f"{self._where}/cntfrq: a counter of 0 Hz tells no time")
        return self.cntvct * 10**9 // self.cntfrq


ALL: tuple[type[Clock], ...] = (ArmCounter,)


def read(machine: Component) -> Clock | None:
    """The clock in the machine's own state; the hypervisor's tag around it (from v26 on some) is taken off."""
    data = machine.data
    keys = data.get("clock") if isinstance(data, dict) else None
    tag = ""
    if isinstance(keys, dict) and len(keys) == 1:
        ((name, inner),) = keys.items()
        if isinstance(inner, dict):
            tag, keys = name, inner
    if not isinstance(keys, dict):
        return None
    kind = next((k for k in ALL if keys.keys() >= k.KEYS), Clock)
    return kind(tag, keys, f"{machine.where}/clock")
