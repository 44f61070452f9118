"""The root table: which part of a snapshot stands under which name, and which file's time it bears."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from snapfs.blob import FileSlice
from snapfs.errors import CorruptState, SnapfsError
from snapfs.layout import Facets
from snapfs.snapshot import Snapshot
from snapfs.snapshot.ioapic import Ioapic
from snapfs.tree import about, assignments, names, reflect, state
from snapfs.tree.ioapic import ioapic
from snapfs.tree.nodes import Dir, ImageFile, Node, TextFile, error_file, json_text
from snapfs.tree.vcpus import vcpus

__all__ = ["root"]


def root(snap: Snapshot) -> Dir:
    """The tree of a snapshot. Nothing is decoded until it is looked at."""
    tree = Dir(lambda: _entries(snap))
    tree.dated(_mtime(snap, snap.state_file or snap.config_file))
    return tree


def _entries(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    config_time = _mtime(snap, snap.config_file)
    memory_time = _mtime(snap, next(iter(snap.source.memory_names), None))
    yield "README", TextFile(lambda: about.readme(snap))
    yield "summary.txt", TextFile(lambda: about.summary(snap))
    yield "summary.json", TextFile(lambda: json_text(about.facts(snap)), lambda: about.facts(snap), composed=True)
    yield from _dated(config_time, _config(snap))
    yield from state.state(snap)
    yield "raw", Dir(lambda: _raw(snap))
    yield "vcpus", Dir(lambda: vcpus(snap))
    yield from _machine(snap)
    yield "devices", Dir(lambda: _devices(snap))
    yield from _dated(memory_time, [("memory", Dir(lambda: _memory(snap))), ("dump", Dir(lambda: _dump(snap)))])


def _devices(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    from snapfs.tree.devices import devices

    return devices(snap)


def _memory(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    # imported here: the models behind it take longer than everything that prints a register
    from snapfs.tree.memory import memory

    return memory(snap)


def _dump(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    from snapfs.tree.dump import dump

    return dump(snap)


def _gic(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    from snapfs.tree.gic import gic

    return gic(snap)


def _machine(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """State of the machine as a whole; which parts there are depends on the architecture and the release."""
    if snap.state_file is None or snap.state_damage:
        return
    parts: dict[str, Callable[[], Facets | None]] = {"clock": lambda: snap.clock, "ioapic": lambda: snap.ioapic, "gic": lambda: snap.gic}
    for name, get in parts.items():
        try:
            part = get()
        except SnapfsError as error:
            yield name, Dir(lambda e=error: [("ERROR", error_file(e))])  # type: ignore[misc]
            continue
        if name == "clock" and part is not None:
            yield from reflect.container(name, part)
        elif isinstance(part, Ioapic):
            yield from ioapic(part)
        elif name == "gic" and part is not None:
            yield name, Dir(lambda: _gic(snap))
        elif part is not None:
            yield name, reflect.entry(part)


def _config(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    def entries() -> Iterator[tuple[str, Node]]:
        values = snap.config_values
        if snap.config_damage:
            yield "ERROR", error_file(CorruptState(snap.config_damage))
        yield from reflect.entries(values)

    yield "config", Dir(entries, value=lambda: snap.config_values)
    yield "config.txt", TextFile(lambda: assignments.render(_damaged(snap)))


def _damaged(snap: Snapshot) -> Any:
    """The configuration, with what is wrong with it in front."""
    values = snap.config_values
    return {"ERROR": snap.config_damage} | values if snap.config_damage else values


def _dated(mtime_ns: int | None, entries: Iterable[tuple[str, Node]]) -> Iterator[tuple[str, Node]]:
    for name, node in entries:
        yield name, node.dated(mtime_ns)


def _mtime(snap: Snapshot, name: str | None) -> int | None:
    try:
        return snap.source.open(name).mtime_ns if name else None
    except SnapfsError:
        return None


def _raw(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    for name in snap.source.names:
        yield names.escape(name), ImageFile(lambda n=name: FileSlice(snap.source.open(n)), huge=True).dated(_mtime(snap, name))  # type: ignore[misc]
