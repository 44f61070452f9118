"""All that page tables map, in the order of virtual addresses.

The tables are the guest's own and may be anything, 2^36 paths to one page among it. A table is decoded once and kept as what it
holds: the runs of pages and the tables below. One that has nothing to show below it is remembered and not entered again. So the
work is bounded by the tables that there are and by what comes out; and it ends after `BUDGET` steps, saying so (`stopped`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from snapfs.guest.paging.tables import ALL, Tree, letters

__all__ = ["BUDGET", "Mapping", "Mappings"]

#: steps that one enumeration takes: an entry decoded, a run or a table passed
BUDGET: Final = 1 << 25
# what a table costs at least
_TABLE: Final = 32
# runs and tables that are kept, for all decoded tables together, and tables that are remembered as empty
_KEPT: Final = 1 << 16
_BARREN: Final = 1 << 16


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


# what a table holds: offset and length from its first address on, physical address, rights, page size (0: a table is there)
_Item = tuple[int, int, int, int, int]
_Read = Callable[[Tree, int, int], "array[int] | str"]


class Mappings:
    """An enumeration of the mapped runs. Iterating gives a run, or None now and then where much was looked at without one."""

    #: steps between two signs of life
    BREATH: Final = 1 << 17

    def __init__(
        self,
        read: _Read,
        trees: tuple[Tree, ...],
        bounds: tuple[int, int],
        budget: int = BUDGET,
        *,
        physical: int | None = None,
        identity: bool = False,
    ) -> None:
        """`read` gives the entries of a table, or says why it cannot. With `physical` only what leads to that address counts."""
        self._read = read
        self._trees = trees
        self._low, self._high = bounds
        self._budget = budget
        self._physical = physical
        self._identity = identity
        self._steps = 0
        self._decoded: dict[tuple[int, int], tuple[_Item, ...]] = {}
        self._items = 0
        self._barren: set[tuple[int, int]] = set()
        #: why the enumeration ended early; empty when it did not
        self.stopped = ""
        #: tables that are not in RAM, or cannot be read
        self.missing = 0

    def __iter__(self) -> Iterator[Mapping | None]:
        start = end = physical = rights = page = 0
        for item in self._runs():
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

    def _runs(self) -> Iterator[_Item | None]:
        """Stretches of pages: virtual address, length, physical address, rights, page size."""
        if self._identity:
            # nothing is mapped: every address is itself
            wanted = (self._low, self._high) if self._physical is None else (self._physical, self._physical + 1)
            low, high = max(self._low, wanted[0]), min(self._high, wanted[1])
            if low < high:
                yield low, high - low, low, ALL, 0
            return
        for tree in self._trees:
            self._decoded, self._items, self._barren = {}, 0, set()
            low, high = max(self._low, tree.low), min(self._high, tree.high)
            if low < high and not self.stopped:
                yield from self._below(tree, low, high)

    def _below(self, tree: Tree, low: int, high: int) -> Iterator[_Item | None]:
        first = low & -(1 << tree.levels[0].shift + tree.levels[0].bits)
        stack = [_Place(tree.root, first, ALL, self._table(tree, 0, tree.root))]
        while stack:
            place = stack[-1]
            below: _Place | None = None
            for offset, length, address, rights, size in place.items:
                self._steps += 1
                at = place.first + offset
                if at >= high or at + length <= low:
                    place.whole = False
                    continue
                if size:
                    place.fruitful = True
                    start, end = max(at, low), min(at + length, high)
                    yield start, end - start, address + start - at, rights & place.rights, size
                    if self._steps >= self.BREATH:
                        break
                elif (len(stack), address) not in self._barren:
                    below = _Place(address, at, rights & place.rights, self._table(tree, len(stack), address))
                    break
            else:
                stack.pop()
                self._leave(place, stack)
            if below is not None:
                stack.append(below)
            if self._steps >= self.BREATH:
                self._budget -= self._steps
                self._steps = 0
                if self._budget <= 0:
                    self.stopped = "stopped: more page-table entries than one enumeration looks at; the tables may be damaged or hostile"
                    return
                yield None

    def _leave(self, place: _Place, stack: list[_Place]) -> None:
        if place.fruitful:
            if stack:
                stack[-1].fruitful = True
        elif place.whole:
            if len(self._barren) >= _BARREN:
                self._barren.clear()
            self._barren.add((len(stack), place.table))
        elif stack:
            stack[-1].whole = False

    def _table(self, tree: Tree, depth: int, address: int) -> Iterator[_Item]:
        """What a table holds, in order."""
        key = depth, address
        found = self._decoded.get(key)
        if found is None:
            found = self._decode(tree, depth, address)
            if self._items + len(found) > _KEPT:
                self._decoded.clear()
                self._items = 0
            self._decoded[key] = found
            self._items += len(found) + 1
        return iter(found)

    def _decode(self, tree: Tree, depth: int, address: int) -> tuple[_Item, ...]:
        self._steps += _TABLE
        entries = self._read(tree, depth, address)
        if isinstance(entries, str):
            self.missing += 1
            return ()
        if not any(entries):
            return ()
        decode, step = tree.decode, 1 << tree.levels[depth].shift
        wanted = self._physical
        found: list[_Item] = []
        # the run that is being put together
        start = length = where = has = page = 0
        for index, value in enumerate(entries):
            if not value:
                continue
            self._steps += 1
            target, rights, size, reason = decode(depth, value)
            if reason:
                continue
            at = index * step
            if size:
                target |= at & size - 1
                if at == start + length and target == where + length and rights == has and size == page:
                    length += step
                    continue
            if page:
                found.append((start, length, where, has, page))
            if size:
                start, length, where, has, page = at, step, target, rights, size
            else:
                page = 0
                found.append((at, step, target, rights, 0))
        if page:
            found.append((start, length, where, has, page))
        if wanted is not None:
            return tuple(
                (at + wanted - where, 1, wanted, has, page) if page else (at, length, where, has, page)
                for at, length, where, has, page in found
                if not page or where <= wanted < where + length
            )
        return tuple(found)


class _Place:
    """Where an enumeration stands in one table. `whole`: all of it lies within the bounds; `fruitful`: something was found in it."""

    __slots__ = ("first", "fruitful", "items", "rights", "table", "whole")

    def __init__(self, table: int, first: int, rights: int, items: Iterator[_Item]) -> None:
        self.table = table
        self.first = first
        self.rights = rights
        self.items = items
        self.fruitful = False
        self.whole = True
