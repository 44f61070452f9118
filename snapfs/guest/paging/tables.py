"""What page tables of every architecture have in common: levels of tables, and entries that lead on, map, or end.

A format is a `Tree` per root: which addresses it translates, where its first table is, its levels from the top, and `decode`,
which tells what one entry of a level is. Permissions are kept as bits that a table's entry can only take away from what is
below it, so that they combine by AND whatever the architecture; `letters` writes them as `rwxug`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = [
    "ALL", "END", "EXEC", "LOCAL", "READ", "USER", "USER_EXEC", "WRITE", "Entry", "Level", "Tree", "absent", "leaf", "letters", "table",
]  # fmt: skip

READ: Final = 1
WRITE: Final = 2
EXEC: Final = 4
#: the user may run it though it may not be the user's to read (aarch64's execute-only pages)
USER_EXEC: Final = 8
USER: Final = 16
#: not global: the translation belongs to one address space
LOCAL: Final = 32
ALL: Final = 63
#: the address behind the last one
END: Final = 1 << 64


def letters(rights: int) -> str:
    """The permissions as `rwxug`, a dash for each that is missing."""
    return (
        ("r" if rights & READ else "-")
        + ("w" if rights & WRITE else "-")
        + ("x" if rights & (EXEC | USER_EXEC) else "-")
        + ("u" if rights & (USER | USER_EXEC) else "-")
        + ("-" if rights & LOCAL else "g")
    )


class Entry(NamedTuple):
    """What an entry says: `reason` is why it translates nothing; else `size` is that of the page, or 0 for a table."""

    address: int
    rights: int
    size: int
    reason: str


def table(address: int, rights: int = ALL) -> Entry:
    """An entry that leads to a table; what is below it has these rights at the most."""
    return Entry(address, rights, 0, "")


def leaf(address: int, size: int, rights: int) -> Entry:
    """An entry that maps a page."""
    return Entry(address & -size, rights, size, "")


def absent(reason: str = "not present") -> Entry:
    """An entry that ends the walk."""
    return Entry(0, 0, 0, reason)


class Level(NamedTuple):
    """A level of tables: what its entries are called, and the `bits` bits from `shift` up of an address that select one."""

    name: str
    shift: int
    bits: int


class Tree(NamedTuple):
    """The translation of the addresses from `low` to `high`, exclusive, through the table at `root`.

    `decode(depth, entry)` tells what an entry of level `depth` is, counted from the top. Entries have `width` bytes. `tag` has
    the bits of an address that the processor ignores.
    """

    name: str
    low: int
    high: int
    root: int
    levels: tuple[Level, ...]
    decode: Callable[[int, int], Entry]
    width: int = 8
    tag: int = 0
