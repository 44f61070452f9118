"""`gic/`: the interrupt controller's registers, and every interrupt on a line, LPIs from guest memory among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapfs.errors import SnapfsError
from snapfs.guest import its
from snapfs.snapshot import Snapshot
from snapfs.snapshot.gic import HEADING, Gic
from snapfs.tree import reflect
from snapfs.tree.nodes import Node, TextFile
from snapfs.tree.tables import columns

__all__ = ["gic"]


def gic(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `gic/`."""
    value = snap.gic
    if value is None:
        return
    yield from reflect.facets(value)
    if "its_ctlr" in value.source:
        yield from reflect.directory("lpis", lambda: _lpis(snap, value))
    if {"dist", "rdist"} <= value.source.keys():
        yield "interrupts.txt", TextFile(lambda: _table(snap, value))


def _lpis(snap: Snapshot, value: Gic) -> Mapping[int, its.Lpi]:
    return dict(its.lpis(snap.memory, value))


def _table(snap: Snapshot, value: Gic) -> str:
    rows: list[tuple[str, ...]] = [HEADING, *value.rows()]
    notes = ""
    if "its_ctlr" in value.source:
        try:
            users = _users(snap)
            rows += (_row(number, lpi, users) for number, lpi in its.lpis(snap.memory, value))
        except SnapfsError as error:
            notes = f"# LPIs cannot be read: {error}\n"
    return columns(rows) + notes


def _users(snap: Snapshot) -> dict[str, str]:
    """The devices by PCI function."""
    try:
        return {device.bdf: name for name, device in snap.devices.items() if device.bdf}
    except SnapfsError:
        return {}


def _row(number: int, lpi: its.Lpi, users: Mapping[str, str]) -> tuple[str, ...]:
    pending = {True: "yes", False: "no", None: "?"}[lpi.pending]
    function = its.bdf(lpi.device)
    what = f"message {lpi.event} of {function} {users.get(function, '')}".rstrip()
    vcpu = "-" if lpi.vcpu is None else str(lpi.vcpu)
    return (str(number), "LPI", vcpu, "yes" if lpi.enabled else "no", pending, "-", "1", "edge", f"0x{lpi.priority:02x}", what)
