"""An address space: translation, enumeration and reverse look-up over the trees of one vCPU.

The tables are the guest's own and may be anything. A walk goes down as many levels as the format has and no further, so
that a table which leads to itself only repeats. All that is mapped is enumerated by `mappings`.
"""

from __future__ import annotations

import sys
from array import array
from typing import Final, NamedTuple, Protocol

from snapfs.errors import AddressError, SnapfsError
from snapfs.guest.paging.mappings import BUDGET, Mappings
from snapfs.guest.paging.tables import ALL, END, Level, Tree

__all__ = ["AddressSpace", "Physical", "Step", "Translation"]

# bytes of tables that are kept, for each vCPU
_KEPT: Final = 1 << 20


class Physical(Protocol):
    """Guest-physical memory."""

    def read(self, gpa: int, length: int) -> bytes:
        """`length` bytes; AddressError where any of them is missing."""


class Step(NamedTuple):
    """A step of a walk: the table it was in, the entry's slot and value; `repeats` names the level that had this table before."""

    level: Level
    table: int
    slot: int
    width: int
    entry: int | None
    repeats: str = ""


class Translation(NamedTuple):
    """The walk for an address. `physical` is None when it ended early, `reason` then says why."""

    virtual: int
    physical: int | None
    page: int
    rights: int
    steps: tuple[Step, ...]
    reason: str


class AddressSpace:
    """The address space of `trees` over `memory`. Without paging it is the physical one (`identity`); `mode` is in words."""

    def __init__(self, memory: Physical, trees: tuple[Tree, ...], mode: str, *, identity: bool = False) -> None:
        self.memory = memory
        self.trees = trees
        self.mode = mode
        self.identity = identity
        self._kept: dict[tuple[int, int, int], array[int] | str] = {}

    # ---- one address

    def _tree(self, address: int) -> tuple[Tree, int] | None:
        """The tree that translates an address, and the address without its tag."""
        for tree in self.trees:
            plain = address | tree.tag if tree.high == END else address & ~tree.tag
            if tree.low <= plain < tree.high:
                return tree, plain
        return None

    def table(self, tree: Tree, depth: int, address: int) -> array[int] | str:
        """The entries of a table, or why there are none."""
        size = tree.width << tree.levels[depth].bits
        # one page may be a table of two trees, or of two levels, that are not of one size: the first is shorter than the others, and
        # aarch64's halves have granules of their own
        key = address, size, tree.width
        kept = self._kept
        if key in kept:
            return kept[key]
        found: array[int] | str
        try:
            found = array("Q" if tree.width == 8 else "I", self.memory.read(address, size))
            if sys.byteorder == "big":
                found.byteswap()
        except AddressError:
            found = "table outside RAM"
        except SnapfsError as error:
            return f"table cannot be read: {error}"
        if len(self._kept) * size >= _KEPT:
            self._kept = {}  # a new one: other threads may be looking at the old
        self._kept[key] = found
        return found

    def translate(self, address: int) -> Translation:
        """The walk for a virtual address; always an answer."""
        if self.identity:
            return Translation(address, address, 0, ALL, (), "")
        picked = self._tree(address)
        if picked is None:
            return Translation(address, None, 0, 0, (), self._untranslated())
        tree, plain = picked
        steps: list[Step] = []
        seen: dict[int, str] = {}
        at, rights = tree.root, ALL
        reason = ""
        for depth, level in enumerate(tree.levels):
            index = plain >> level.shift & (1 << level.bits) - 1
            entries = self.table(tree, depth, at)
            value = None if isinstance(entries, str) else entries[index]
            steps.append(Step(level, at, index, tree.width, value, seen.get(at, "")))
            seen.setdefault(at, level.name)
            if value is None:
                reason = str(entries)
                break
            entry = tree.decode(depth, value)
            rights &= entry.rights
            if entry.reason:
                reason = entry.reason
                break
            if entry.size:
                return Translation(address, entry.address | plain & entry.size - 1, entry.size, rights, tuple(steps), "")
            at = entry.address
        if any(step.repeats for step in steps):
            reason = f"loop: the same table at two levels, then {reason}"
        return Translation(address, None, 0, 0, tuple(steps), reason)

    def _untranslated(self) -> str:
        if not self.trees:
            return f"no translation: {self.mode}"
        return f"not canonical: {' and '.join(f'0x{t.low:016x}-0x{t.high - 1:016x}' for t in self.trees)} can be translated ({self.mode})"

    # ---- all of them

    def mappings(self, low: int = 0, high: int = END, *, budget: int = BUDGET, physical: int | None = None) -> Mappings:
        """The mapped addresses from `low` to `high`, exclusive, in order, as long runs as there are; those alone that lead to
        `physical` where that is given."""
        return Mappings(self.table, self.trees, (low, high), budget, physical=physical, identity=self.identity)
