"""A vCPU of any kind: its payload, and what every kind answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from snapfs.errors import CorruptState
from snapfs.layout import Facets
from snapfs.snapshot.component import Component

__all__ = ["Vcpu", "payload"]


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

    def where(self, key: str) -> str:
        """The place of a key of the payload, for messages."""
        return f"{self.component.where}/{key}"
