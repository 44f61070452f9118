"""An address space: translation, enumeration and reverse look-up over the trees of one vCPU.

The tables are the guest's own and may be anything. A walk goes down as many levels as the format has and no further, so
that a table which leads to itself only repeats; the enumeration remembers which tables have nothing below them, so that 2^k
paths to one empty table cost one visit, and ends after `BUDGET` entries, saying so (`Mappings.stopped`).
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from snapfs.errors import AddressError
from snapfs.guest.paging.tables import ALL, Entry, Level, Tree, letters

__all__ = ["BUDGET", "AddressSpace", "Mapping", "Mappings", "Step", "Translation"]

#: entries that one enumeration looks at
BUDGET: Final = 1 << 26
# bytes of tables that are kept, for each vCPU
_KEPT: Final = 1 << 20
_END: Final = 1 << 64


class Physical(Protocol):
    """Guest-physical memory."""

    def read(self, gpa: int, length: int) -> bytes:
        """`length` bytes; AddressError where any of them is missing."""


class Mapping(NamedTuple):
    """A run of pages of one size and one set of rights, in order in both address spaces; `end` is exclusive."""

    start: int
    end: int
    physical: int
    rights: int
    page: int

    @property
    def permissions(self) -> str:
        """The rights as `rwxug`."""
        return letters(self.rights)


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
        self._kept: dict[tuple[int, int, int], array[int] | None] = {}

    # ---- one address

    def _tree(self, address: int) -> tuple[Tree, int] | None:
        """The tree that translates an address, and the address without its tag."""
        for tree in self.trees:
            plain = address | tree.tag if tree.high == _END else address & ~tree.tag
            if tree.low <= plain < tree.high:
                return tree, plain
        return None

    def _table(self, tree: Tree, depth: int, address: int) -> array[int] | None:
        """The entries of a table; None when it is not in RAM."""
        size = tree.width << tree.levels[depth].bits
        # one page may be a table of two trees, or of two levels, that are not of one size: the first is shorter than the others, and
        # aarch64's halves have granules of their own
        key = address, size, tree.width
        kept = self._kept
        if key in kept:
            return kept[key]
        found: array[int] | None = array("Q" if tree.width == 8 else "I")
        try:
            found.frombytes(self.memory.read(address, size))  # type: ignore[union-attr]
            if sys.byteorder == "big":
                found.byteswap()  # type: ignore[union-attr]
        except AddressError:
            found = None
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
            entries = self._table(tree, depth, at)
            value = entries[index] if entries is not None else None
            steps.append(Step(level, at, index, tree.width, value, seen.get(at, "")))
            seen.setdefault(at, level.name)
            if value is None:
                reason = "table outside RAM"
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

    def mappings(self, low: int = 0, high: int = _END, budget: int = BUDGET) -> Mappings:
        """The mapped addresses from `low` to `high`, exclusive, in order, as long runs as there are."""
        return Mappings(self, low, high, budget)


class Mappings:
    """An enumeration of the mapped runs. Iterating gives a run, or None now and then where much was looked at without one."""

    #: entries between two signs of life
    BREATH: Final = 1 << 17

    def __init__(self, space: AddressSpace, low: int, high: int, budget: int) -> None:
        self._space = space
        self._low = low
        self._high = high
        self._budget = budget
        #: why the enumeration ended early; empty when it did not
        self.stopped = ""
        self.missing = 0

    def __iter__(self) -> Iterator[Mapping | None]:
        start = end = physical = rights = page = 0
        for item in self._leaves():
            if item is None:
                yield None
                continue
            at, length, where, has, size = item
            if at == end and where == physical + (end - start) and has == rights and size == page and end:
                end += length
                continue
            if end:
                yield Mapping(start, end, physical, rights, page)
            start, end, physical, rights, page = at, at + length, where, has, size
        if end:
            yield Mapping(start, end, physical, rights, page)

    def _leaves(self) -> Iterator[tuple[int, int, int, int, int] | None]:
        """Every page: virtual address, length, physical address, rights, page size."""
        if self._space.identity:
            # nothing is mapped: every address is itself
            low, high = self._low, self._high
            if low < high:
                yield low, high - low, low, ALL, 0
            return
        for tree in self._space.trees:
            yield from self._below(tree, max(self._low, tree.low), min(self._high, tree.high))

    def _below(self, tree: Tree, low: int, high: int) -> Iterator[tuple[int, int, int, int, int] | None]:
        if low >= high:
            return
        levels, decode = tree.levels, tree.decode
        barren: set[tuple[int, int]] = set()
        looked = 0
        # per level on the way down: table, rights, address of its first entry, entries still to see, whether a page was found
        stack: list[_Place] = [_Place(tree.root, ALL, low & -(1 << levels[0].shift + levels[0].bits))]
        self._open(tree, stack[0], 0, low, high)
        while stack:
            place = stack[-1]
            depth = len(stack) - 1
            level = levels[depth]
            went_down = False
            for index in place.pending:
                value = place.entries[index]
                looked += 1
                if not value:
                    continue
                entry: Entry = decode(depth, value)
                if entry.reason:
                    continue
                at = place.first + (index << level.shift)
                rights = place.rights & entry.rights
                if entry.size:
                    place.fruitful = True
                    step = 1 << level.shift
                    where = entry.address | at & entry.size - 1
                    if low <= at and at + step <= high:
                        yield at, step, where, rights, entry.size
                    else:
                        cut = max(at, low)
                        yield cut, min(at + step, high) - cut, where + cut - at, rights, entry.size
                    continue
                if (depth + 1, entry.address) in barren:
                    continue
                below = _Place(entry.address, rights, at)
                self._open(tree, below, depth + 1, low, high)
                stack.append(below)
                went_down = True
                break
            if not went_down:
                stack.pop()
                if stack and place.fruitful:
                    stack[-1].fruitful = True
                elif place.whole:
                    barren.add((depth, place.table))
            if looked >= self.BREATH:
                self._budget -= looked
                looked = 0
                if self._budget <= 0:
                    self.stopped = "stopped: more page-table entries than one enumeration looks at; the tables may be damaged or hostile"
                    return
                yield None
        self._budget -= looked

    def _open(self, tree: Tree, place: _Place, depth: int, low: int, high: int) -> None:
        """Reads a table and notes which of its entries lie between `low` and `high`."""
        level = tree.levels[depth]
        entries = self._space._table(tree, depth, place.table)  # noqa: SLF001 - the enumeration is part of the space
        if entries is None:
            self.missing += 1
            place.pending = iter(())
            return
        place.entries = entries
        first = max(0, low - place.first >> level.shift)
        last = min(1 << level.bits, -(place.first - high >> level.shift))
        place.whole = first == 0 and last == 1 << level.bits
        place.pending = iter(range(first, last))


class _Place:
    """Where an enumeration stands in one table."""

    __slots__ = ("entries", "first", "fruitful", "pending", "rights", "table", "whole")

    entries: array[int]
    pending: Iterator[int]

    def __init__(self, table: int, rights: int, first: int) -> None:
        self.table = table
        self.rights = rights
        self.first = first
        self.fruitful = False
        self.whole = True
