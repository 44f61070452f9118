"""Lists of structs behind a count, as KVM's flexible arrays are: `kvm_msrs`, `kvm_cpuid2`.

They have been saved as a plain list of entries, as a pair of headers and entries (`[[{"nmsrs": 2}], [...]]`, the wrapper of
the vmm-sys-util crate up to Cloud Hypervisor v25), and may come as the bytes of the C struct.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from snapfs.errors import CorruptState
from snapfs.layout import Record
from snapfs.layout.record import octets, unreadable

__all__ = ["entries"]

R = TypeVar("R", bound=Record)

# the count and its padding
_HEADER: Final = 8


def entries(kind: type[R], value: Any, where: str) -> list[R]:
    """The entries of a list in any of its encodings; CorruptState when it is none of them. An entry that is damaged is a record
    whose fields raise."""
    if isinstance(value, dict) and isinstance(value.get("entries"), list):
        value = value["entries"]
    if not isinstance(value, list):
        raise CorruptState(f"{where}: {type(value).__name__} where a list of {kind.__name__} is expected")
    if _is_pair(value):
        value = value[1]
    if value and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        data = octets(value, where)
        count = min(int.from_bytes(data[:4], "little"), (len(data) - _HEADER) // kind.SIZE)
        return [kind.decode(data[_HEADER + i * kind.SIZE : _HEADER + (i + 1) * kind.SIZE]) for i in range(max(count, 0))]
    return [_read(kind, v, f"{where}/{i}") for i, v in enumerate(value)]


def _read(kind: type[R], value: Any, where: str) -> R:
    try:
        return kind.read(value, where)
    except CorruptState as error:
        return unreadable(kind, error)


def _is_pair(value: list[Any]) -> bool:
    """Whether this is headers and entries: the second of two elements is a list of objects."""
    if len(value) != 2 or not isinstance(value[1], list):
        return False
    headers = value[0] if isinstance(value[0], list) else [value[0]]
    return all(isinstance(h, dict) and not {"index", "function"} & h.keys() for h in headers)
