"""`state/`: every leaf of the state file under its component, the wrapping words left out.

A component's own data and its child components share one directory. A component whose data is no object is a file. Bytes that
could not be decoded are a file of those bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapfs.blob import Data
from snapfs.errors import CorruptState
from snapfs.snapshot import Snapshot
from snapfs.snapshot.component import Component
from snapfs.tree import names, reflect
from snapfs.tree.nodes import Dir, ImageFile, Node, TextFile, error_file
from snapfs.tree.tables import table

__all__ = ["state"]


def state(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The directory of the machine's components and its table."""

    def entries() -> Iterator[tuple[str, Node]]:
        machine = snap.machine
        if snap.state_damage:
            yield "ERROR", error_file(CorruptState(snap.state_damage))
        yield from _entries(machine)

    yield "state", Dir(entries)
    yield "state.txt", TextFile(lambda: table(_damaged(snap.state_damage, _rows(snap.machine, ""))))


def _damaged(damage: str | None, rows: Iterator[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    if damage:
        yield "ERROR", damage, ""
    yield from rows


def _entries(component: Component) -> Iterator[tuple[str, Node]]:
    if component.has_data or not component.children:
        yield from _own(component)
    for child in component.children.values():
        yield names.escape(child.name), _node(child)


def _own(component: Component) -> Iterator[tuple[str, Node]]:
    try:
        data = component.data
    except CorruptState as error:
        yield "ERROR", error_file(error)
        payload = component.wrapped[1]
        raw = payload if isinstance(payload, bytes) else str(payload).encode("utf-8", "surrogatepass")
        yield "snapshot_data", ImageFile(lambda: Data(raw))
        return
    if isinstance(data, dict):
        yield from reflect.entries(data)
    elif data is not None or component.has_data:
        yield "snapshot_data", reflect.entry(data)


def _node(component: Component) -> Node:
    if not component.children:
        binary = component.binary
        try:
            data = component.data
        except CorruptState:
            if binary is not None:
                return ImageFile(lambda: Data(binary))
            return Dir(lambda: _entries(component))
        if component.has_data and not isinstance(data, dict):
            return reflect.entry(data)
        if component.broken:
            return reflect.entry(component.node)
    return Dir(lambda: _entries(component))


def _rows(component: Component, prefix: str) -> Iterator[tuple[str, str, str]]:
    try:
        data = component.data
    except CorruptState as error:
        yield f"{prefix}.ERROR" if prefix else "ERROR", str(error), ""
    else:
        if data is not None:
            if isinstance(data, Mapping) and not data and prefix:
                yield prefix, "{}", ""
            yield from reflect.rows(data, None, prefix)
    for child in component.children.values():
        step = reflect.step(child.name)
        yield from _rows(child, f"{prefix}.{step}" if prefix else step)
