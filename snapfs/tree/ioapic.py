"""`ioapic/` and the table of its pins, one line each."""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.errors import SnapfsError
from snapfs.snapshot.ioapic import Ioapic
from snapfs.tree import reflect
from snapfs.tree.nodes import Node, TextFile
from snapfs.tree.tables import columns

__all__ = ["ioapic"]


def ioapic(value: Ioapic) -> Iterator[tuple[str, Node]]:
    """The directory and its table."""
    yield "ioapic", reflect.entry(value)
    yield "ioapic.txt", TextFile(lambda: _table(value))


def _table(value: Ioapic) -> str:
    rows: list[tuple[str, ...]] = [("# pin", "entry", "vector", "delivery", "destination", "trigger", "polarity", "state")]
    for number, p in value.pins.items():
        if isinstance(p, SnapfsError):
            rows.append((number, "ERROR", *[""] * 5, str(p)))
            continue
        words = {name: reflect.words(part, p.form_of(name)) or reflect.lines(part, p.form_of(name))[0] for name, part in p.items()}
        state = [
            word for word, true in (("masked", p["masked"]), ("pending", p["delivery_pending"]), ("remote-irr", p["remote_irr"])) if true
        ]
        rows.append(
            (
                number,
                words["entry"],
                words["vector"],
                words["delivery_mode"],
                f"{words['destination_mode']}:{words['destination']}",
                words["trigger"],
                words["polarity"],
                ",".join(state) or "enabled",
            )
        )
    return columns(rows)
