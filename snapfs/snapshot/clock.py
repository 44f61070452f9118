"""The machine's clock as it was at the pause. Each kind of clock is recognised by its keys.

Source: Cloud Hypervisor, vmm/src/vm.rs (`VmSnapshot.clock`), hypervisor/src/lib.rs (`ClockData`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final

from snapfs.errors import CorruptState
from snapfs.formats.kvm_x86_64 import KvmClockData
from snapfs.layout import DEC, Facets, Hex, facet
from snapfs.layout.record import trailing
from snapfs.snapshot.component import Component

__all__ = ["ALL", "ArmCounter", "Clock", "KvmClock", "MshvClock", "read"]

# 2001 to 2286: what padding that no kernel wrote a time to will hardly be
_PLAUSIBLE: Final = range(10**18, 10**19)
_REALTIME: Final = 4


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


class KvmClock(Clock):
    """The paravirtual clock of x86_64."""

    KEYS = frozenset({"clock", "flags"})

    @facet(needs=("clock", "flags"), hidden=True)
    def data(self) -> KvmClockData:
        """The kernel's struct, out of any form that it was saved in."""
        return KvmClockData.read(dict(self.source), self._where)

    @facet(needs="clock")
    def clock(self) -> Annotated[int, DEC]:
        """The guest's clock, in nanoseconds since it was booted."""
        return self.data.clock

    @facet(needs="flags")
    def flags(self) -> Annotated[int, KvmClockData.FIELDS["flags"].form]:
        """Which of the other values the kernel says are valid. Releases up to v52 clear them before they save."""
        return self.data.flags

    @facet(when=lambda clock: clock.is_whole)
    def realtime(self) -> Annotated[int, DEC]:
        """The host's wall-clock time, in nanoseconds since 1970; 0 where the kernel did not tell it."""
        return self.data.realtime

    @facet(when=lambda clock: clock.is_whole)
    def host_tsc(self) -> Annotated[int, DEC]:
        """The host's time-stamp counter at the same moment."""
        return self.data.host_tsc

    @facet(needs=("pad0", "realtime", "host_tsc", "pad"), hidden=True)
    def fields(self) -> None:
        """The later fields, by name or in the padding, where some padding is left; `state/` has it as it is."""

    @property
    def is_whole(self) -> bool:
        """Whether the form has the later fields: it has them by name, or as nine words of padding."""
        return "realtime" in self.source or "pad" in self.source

    @property
    def tells_time(self) -> bool:
        try:
            return self.is_whole and self.data.realtime > 0 and bool(self.data.flags & _REALTIME or self.data.realtime in _PLAUSIBLE)
        except CorruptState:
            return False

    @property
    def paused_ns(self) -> int | None:
        return self.data.realtime if self.tells_time else None

    @facet(when=lambda clock: clock.tells_time)
    def wall_clock_known_by(self) -> str:
        """How the time of the pause is known."""
        if self.data.flags & _REALTIME:
            return "realtime, which the kernel says is valid (REALTIME in flags)"
        return "realtime; the release that wrote it clears the flag that would say that it is valid"


class MshvClock(Clock):
    """The reference time of a partition under the Microsoft hypervisor (v40 and later)."""

    KEYS = frozenset({"ref_time"})

    @facet(needs="ref_time")
    def ref_time(self) -> Annotated[int, DEC]:
        """The partition's reference counter, in units of 100 nanoseconds since it was created."""
        return self.number("ref_time")

    @facet(needs="ref_time")
    def counted_ns(self) -> Annotated[int, DEC]:
        """The same in nanoseconds."""
        return self.ref_time * 100


ALL: tuple[type[Clock], ...] = (ArmCounter, KvmClock, MshvClock)


def _struct(value: list[Any], where: str) -> dict[str, Any]:
    """The fields of kvm_clock_data that was saved as bytes."""
    data = KvmClockData.read(value, where)
    rest = {"trailing": trailing(data)} if trailing(data) else {}
    return {name: getattr(data, name) for name in data.FIELDS} | rest


def read(machine: Component) -> Clock | None:
    """The clock in the machine's own state; the hypervisor's tag around it (from v26 on some) is taken off."""
    data = machine.data
    keys = data.get("clock") if isinstance(data, dict) else None
    tag = ""
    if isinstance(keys, dict) and len(keys) == 1:
        ((name, inner),) = keys.items()
        if isinstance(inner, dict):
            tag, keys = name, inner
        elif isinstance(inner, list):
            tag, keys = name, _struct(inner, f"{machine.where}/clock/{name}")
    if not isinstance(keys, dict):
        return None
    kind = next((k for k in ALL if keys.keys() >= k.KEYS), Clock)
    return kind(tag, keys, f"{machine.where}/clock")
