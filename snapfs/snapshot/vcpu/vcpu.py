"""A vCPU of any kind: its payload, and what every kind answers.

What every kind answers is what the table of all vCPUs, page-table walks and dumps need, whatever the architecture. A kind
overrides the properties that it can tell; each may raise a SnapfsError where the payload is damaged, and gives None or the
empty string where this kind of vCPU, or this snapshot, does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from snapfs.errors import CorruptState, SnapfsError
from snapfs.layout import Facets
from snapfs.snapshot.component import Component
from snapfs.snapshot.vcpu.paging import Paging

__all__ = ["Vcpu", "payload", "told"]


def payload(component: Component) -> tuple[str, Mapping[str, Any]]:
    """The hypervisor's tag (empty up to v25, which wrote none) and the payload by key; empty when it cannot be read."""
    try:
        data = component.data
    except CorruptState:
        return "", {}
    if isinstance(data, dict) and len(data) == 1:
        ((tag, inner),) = data.items()
        if isinstance(inner, dict):
            return tag, inner
    return "", data if isinstance(data, dict) else {}


class Vcpu(Facets):
    """One vCPU. Subclasses declare a facet per register group; keys that no facet needs are shown as they are."""

    ARCH: ClassVar[str] = "unknown"
    #: the architecture's own words for `pc`, `sp`, `page_table_root` and `privilege`
    WORDS: ClassVar[tuple[str, str, str, str]] = ("pc", "sp", "root", "privilege")

    def __init__(self, number: int, component: Component) -> None:
        self.number = number
        self.component = component
        self.hypervisor, self._payload = payload(component)

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """Whether a payload is of this kind; the hypervisor's tag is empty up to v25."""
        return False

    @property
    def source(self) -> Mapping[str, Any]:
        """The payload by key."""
        return self._payload

    @property
    def rest(self) -> Mapping[str, Any]:
        """The keys of the payload that no facet decodes."""
        known = self.understood()
        return {k: v for k, v in self._payload.items() if k not in known}

    @property
    def failure(self) -> CorruptState | None:
        """Why there is no payload to read, where it was saved and cannot be decoded."""
        try:
            data = self.component.data
        except CorruptState as error:
            return error
        return None if isinstance(data, dict) else CorruptState(f"{self.component.where}: a vCPU's state is an object, this is not")

    def where(self, key: str) -> str:
        """The place of a key of the payload, for messages."""
        return f"{self.component.where}/{key}"

    # ---- what every kind answers

    @property
    def arch(self) -> str:
        """`x86_64`, `aarch64`, `riscv64`, or `unknown`."""
        return self.ARCH

    @property
    def mode(self) -> str:
        """The execution mode in one word: `real`, `protected`, `long`, `compatibility`; `AArch64`, `AArch32`; `RV64`."""
        return ""

    @property
    def privilege(self) -> str:
        """The privilege that the vCPU runs at, in the architecture's own form: `0` to `3` for rings, `EL1`, `S`."""
        return ""

    @property
    def in_user_mode(self) -> bool | None:
        """Whether the vCPU runs a program rather than a kernel; None where that cannot be told."""
        return None

    @property
    def running(self) -> str:
        """`running`, `halted`, or why it does not run, in a few words."""
        return ""

    @property
    def pc(self) -> int | None:
        """The program counter, as the register has it."""
        return None

    @property
    def sp(self) -> int | None:
        """The stack pointer in use, as the register has it."""
        return None

    @property
    def page_table_root(self) -> int | None:
        """The register that points to the page tables in use, as it is."""
        return None

    @property
    def paging(self) -> Paging | None:
        """All that a page-table walk needs."""
        return None

    @property
    def doing(self) -> str:
        """What the vCPU seems to do, in a few words for people."""
        return ""

    def summary(self) -> Mapping[str, str]:
        """The vCPU on one page: what it is, what it does, where it is. What cannot be told for damage is `?`."""
        pc, sp, root, privilege = self.WORDS
        answers: dict[str, Callable[[], str | int | None]] = {
            "hypervisor": lambda: self.hypervisor,
            "architecture": lambda: self.arch,
            "state": lambda: self.running,
            "mode": lambda: self.mode,
            privilege: lambda: self.privilege,
            "doing": lambda: self.doing,
            pc: lambda: self.pc,
            sp: lambda: self.sp,
            root: lambda: self.page_table_root,
            **self.further(),
        }
        return {name: text for name, answer in answers.items() if (text := told(answer))}

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        """What a kind has to say on that page beyond what all kinds say: addresses as numbers, the rest as text."""
        return {}


def told(answer: Callable[[], str | int | None]) -> str:
    """An answer as text: addresses in hexadecimal, empty where there is none, `?` where damage is in the way."""
    try:
        value = answer()
    except SnapfsError:
        return "?"
    return f"0x{value:016x}" if isinstance(value, int) else value or ""
