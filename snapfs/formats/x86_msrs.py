"""Model-specific registers of x86: a mapping from names to values, found by alias and by number too.

Source of the names: snapfs.formats.facts.x86_msrs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from snapfs.errors import CorruptState
from snapfs.formats.facts.x86_msrs import ALIASES, NAMES
from snapfs.formats.kvm_x86_64 import KvmMsrEntry
from snapfs.formats.x86_msr_words import form_of
from snapfs.layout import Values

__all__ = ["Msrs", "index_of", "name_of"]

_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}")
# what the kernel's macros, the manuals and the Hyper-V specification put before the same name
_PREFIXES: Final = ("", "MSR_", "MSR_IA32_", "IA32_", "HV_X64_MSR_", "HV_")


@lru_cache(maxsize=1)
def _indices() -> dict[str, int]:
    return {**ALIASES, **{name: index for index, name in NAMES.items()}}


def name_of(index: int) -> str:
    """The name of an MSR; its number in hexadecimal where it has none."""
    return NAMES.get(index) or f"0x{index:08x}"


def index_of(name: str) -> int | None:
    """The MSR behind a name, an alias, a kernel macro's name or a number in hexadecimal; None when it is none of these."""
    if _NUMBER.fullmatch(name):
        return int(name, 16)
    known = _indices()
    if name in known:
        return known[name]
    bare = [name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)]
    return next((known[prefix + rest] for rest in bare for prefix in _PREFIXES if prefix + rest in known), None)


class Msrs(Values):
    """Values of MSRs by name, in the order of the snapshot."""

    def __init__(self, entries: Iterable[KvmMsrEntry]) -> None:
        """The first entry of an index counts. An entry without an index goes by its place in the list."""
        super().__init__()
        self.by_index: dict[int, int | CorruptState] = {}
        for place, entry in enumerate(entries):
            try:
                index = entry.index
            except CorruptState as error:
                self.put(f"entry{place}", error)
                continue
            try:
                self.add(index, entry.data)
            except CorruptState as error:
                self.add(index, error)

    def add(self, index: int, value: int | CorruptState) -> None:
        """Adds an MSR; one that is there already stays."""
        if index not in self.by_index:
            self.by_index[index] = value
            self.put(name_of(index), value, form_of(index))

    def find(self, name: str) -> str | None:
        """The name that stands here for another name or a number; None when there is none."""
        index = index_of(name)
        return name_of(index) if index is not None and index in self.by_index else None

    def __missing__(self, name: str) -> int:
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        value: int = self[found]
        return value
