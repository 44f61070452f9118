"""Which release wrote a snapshot, told from its shape: no snapshot records it.

Every key that is there, every key that is not, every way of wrapping is a clue: the set of releases that write so. The
likeliest releases are those that fewest clues speak against; the clues that decided, and everything that no release we know
writes, are reported with them. Nothing else in snapfs asks for a release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from snapfs.errors import SnapfsError
from snapfs.formats.facts.schema import CONFIG, RELEASES, STATE, Schema
from snapfs.formats.facts.versionize import EPOCHS
from snapfs.layout.versionize import parse_type
from snapfs.snapshot import leaves

if TYPE_CHECKING:
    from snapfs.snapshot.component import Component
    from snapfs.snapshot.snapshot import Snapshot

__all__ = ["Clue", "Origin", "declared", "infer", "omitted_nulls"]

_PLACE: Final = {tag: i for i, tag in enumerate(RELEASES)}
_ALL: Final = frozenset(range(len(RELEASES)))
# since this release a None in the configuration, and in the machine's own state, is left out instead of written as null
_NULLS_OMITTED: Final = _PLACE["v53.0"]
_DEEP: Final = 24
# items of one list that are looked at: those of a long one are all of one make, and the guest can have its memory table made long
_ENOUGH: Final = 256


class Clue(NamedTuple):
    """What was seen, and the releases (indices into RELEASES) that write so."""

    seen: str
    releases: frozenset[int]


@dataclass(frozen=True)
class Origin:
    """The outcome: the likeliest releases, the clues that rule out the one before and the one after, the clues against them, and
    what no release we know writes."""

    first: str
    last: str
    not_before: tuple[str, ...]
    not_after: tuple[str, ...]
    against: tuple[str, ...]
    unrecognised: tuple[str, ...]

    @property
    def text(self) -> str:
        """`v53.0`, or `v29.0 to v33.0` where the shape cannot tell them apart."""
        if self.first == RELEASES[-1]:
            return f"later than {RELEASES[-2]}"
        if self.last == RELEASES[-1]:
            return f"{self.first} or later"
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def _span(first: str, last: str) -> frozenset[int]:
    return frozenset(range(_PLACE[first], _PLACE[last] + 1))


@lru_cache(maxsize=1)
def _shapes() -> tuple[tuple[str, str, str, Callable[[Snapshot], bool]], ...]:
    """Clues that are no keys: first and last release, what is seen, the test."""
    return (
        ("v0.7.0", "v21.1", "the state and the configuration are in vm.json", lambda s: "vm.json" in s.source),
        ("v22.0", "HEAD", "the configuration is in config.json", lambda s: "config.json" in s.source),
        ("v53.0", "HEAD", "migration_config.json, from the offload daemon", lambda s: "migration_config.json" in s.source),
        ("v0.7.0", "v18.0", "memory is in memory-region-<n>", lambda s: any(n.startswith("memory-region-") for n in s.source.names)),
        ("v19.0", "HEAD", "memory is in memory-ranges", lambda s: "memory-ranges" in s.source),
        ("v0.7.0", "v28.4", "state is wrapped in sections", lambda s: _wrapped(s) == {"sections"}),
        ("v29.0", "v38.0", "state is wrapped as byte lists", lambda s: _wrapped(s) == {"byte-list"}),
        ("v39.0", "HEAD", "state is wrapped as JSON strings", lambda s: _wrapped(s) == {"json-string"}),
        ("v25.0", "v28.4", "vCPUs are numbered with three digits", lambda s: any(len(k) == 3 for k in _children(s, "cpu-manager"))),
        ("v24.0", "HEAD", "devices have ids that begin with __", lambda s: _named_like(s, "__")),
        (
            "v0.7.0",
            "v23.1",
            "devices have ids like _ioapic and _console",
            lambda s: bool({"_ioapic", "_console", "_rng", "_serial"} & _children(s, "device-manager").keys()),
        ),
        ("v26.0", "HEAD", "vCPU state names its hypervisor", lambda s: any(_tagged(c) for c in _vcpus(s))),
        ("v0.7.0", "v25.0", "vCPU state does not name its hypervisor", lambda s: any(not _tagged(c) for c in _vcpus(s))),
        ("v39.0", "HEAD", "KVM structs are byte arrays", lambda s: any(isinstance(_key(c, "mp_state"), list) for c in _vcpus(s))),
        ("v0.7.0", "v38.0", "KVM structs are JSON objects", lambda s: any(isinstance(_key(c, "mp_state"), dict) for c in _vcpus(s))),
        ("v29.0", "HEAD", "the GIC is under the device manager", lambda s: _named_like(s, "gic-")),
        ("v0.11.0", "v28.4", "the GIC is beside the device manager", lambda s: any(k.startswith("gic-") for k in s.machine.children)),
        ("v53.0", "HEAD", "nulls are left out of the configuration", lambda s: _omits(s.config_json)),
        ("v0.7.0", "v52.0", "nulls are written into the configuration", lambda s: _writes_nulls(s.config_json)),
    )  # fmt: skip


def _children(snap: Snapshot, name: str) -> Mapping[str, Component]:
    node = snap.machine.find(name)
    return node.children if node else {}


def _named_like(snap: Snapshot, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in _children(snap, "device-manager"))


def _vcpus(snap: Snapshot) -> Iterable[Component]:
    return _children(snap, "cpu-manager").values()


def _wrapped(snap: Snapshot) -> set[str]:
    return {c.wrapped[0] for c in snap.machine.walk() if c.has_data}


def _tagged(component: Component) -> bool:
    return isinstance(component.data, dict) and len(component.data) == 1


def _key(component: Component, key: str) -> Any:
    data = component.data
    if isinstance(data, dict) and len(data) == 1:
        (data,) = data.values()
    return data.get(key) if isinstance(data, dict) else None


def _omits(config: Any) -> bool:
    """Nulls are left out: no release before wrote a configuration without these nullable keys."""
    return isinstance(config, dict) and not _writes_nulls(config) and not {"fs", "pmem", "numa", "devices"} <= config.keys()


def _writes_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return any(v is None or _writes_nulls(v) for v in value.values())
    return isinstance(value, list) and any(_writes_nulls(v) for v in value)


# ---- keys


def _named(schema: Schema) -> Named:
    """The rows of a schema by name alone: an architecture's own struct is called `<name>:<architecture>` there."""
    found: Named = {}
    for full, row in schema.items():
        found.setdefault(full.partition(":")[0], []).append(row)
    return found


# a struct and those that it became: what they share tells nothing of when that was
_RENAMED: Final = dict.fromkeys(("VhostUserBlkState", "VhostUserFsState", "VhostUserNetState"), ("VhostUserState",))
Named = dict[str, list[tuple[str, dict[str, tuple[Any, ...]]]]]
_CONFIG: Final = _named(CONFIG)
_STATE: Final = _named(STATE)


def _resolve(schema: Named, name: str, value: Any) -> tuple[str, dict[str, tuple[Any, ...]]] | None:
    """The struct or enum of that name. Of several (one per architecture) those that share most keys with the value and have fewest
    that it has not, as one."""
    found = [row for known in (name, *_RENAMED.get(name, ())) for row in schema.get(known, ())]
    keys = value.keys() if isinstance(value, dict) else {value} if isinstance(value, str) else set()
    likeness = [(len(keys & fields.keys()), -len(fields.keys() - keys)) for _, fields in found]
    if name in _RENAMED:
        likeness = [(shared, 0) for shared, _ in likeness]
    best = max(likeness, default=(0, 0))
    merged: dict[str, tuple[Any, ...]] = {}
    for own, (_, fields) in zip(likeness, found, strict=True):
        # without a key in common nothing tells them apart
        if own == best or not best[0]:
            merged |= {field: merged.get(field, ()) + rows for field, rows in fields.items()}
    return (found[0][0], merged) if found else None


def _clues(schema: Named, kind: str, value: Any, where: str, unknown: list[str], depth: int = 0) -> Iterator[Clue]:
    """The clues in a JSON value of a Rust type; keys that no release writes go to `unknown`."""
    if depth > _DEEP or value is None:
        return
    constructor, arguments = parse_type(kind.strip("()") if kind.startswith("(") and "," not in kind else kind)
    if constructor == "Option":
        yield from _clues(schema, arguments[0], value, where, unknown, depth + 1)
    elif constructor == "Vec":
        if not _is_fam(value):
            for i, item in enumerate(value[:_ENOUGH] if isinstance(value, list) else ()):
                yield from _clues(schema, arguments[0], item, f"{where}/{i}", unknown, depth + 1)
    elif constructor == "Map":
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from _clues(schema, arguments[1], item, f"{where}/{key}", unknown, depth + 1)
    elif (row := _resolve(schema, constructor, value)) is not None:
        shape, fields = row
        if shape == "enum":
            yield from _variant(schema, fields, value, where, unknown, depth)
        elif fields.keys() == {"0"}:  # a tuple struct: serde writes what is inside
            yield from _clues(schema, fields["0"][-1][0], value, where, unknown, depth + 1)
        elif isinstance(value, dict):
            yield from _fields(schema, fields, value, where, unknown, depth)


def _variant(schema: Named, fields: dict[str, Any], value: Any, where: str, unknown: list[str], depth: int) -> Iterator[Clue]:
    name, inner = next(iter(value.items()), ("", None)) if isinstance(value, dict) else (str(value), None)
    if name not in fields:
        unknown.append(f"{where}: {name}")
        return
    yield Clue(f"{where} is {name}", frozenset[int]().union(*(_span(first, last) for _, first, last, _ in fields[name])))
    if inner is not None:
        yield from _clues(schema, fields[name][-1][0], inner, f"{where}/{name}", unknown, depth + 1)


def _fields(schema: Named, fields: dict[str, Any], value: dict[str, Any], where: str, unknown: list[str], depth: int) -> Iterator[Clue]:
    for name, rows in fields.items():
        spans = [(_span(first, last), kind, mark) for kind, first, last, mark in rows]
        if name in value:
            fits = [span for span, kind, _ in spans if value[name] is not None or kind.startswith("Option<") or not kind]
            yield Clue(f"{where}/{name} is there", frozenset[int]().union(*(fits or [span for span, _, _ in spans])))
            kinds = [kind for _, kind, _ in spans]
            if any(_foreign_before(schema, kind, first) for kind, first, _, _ in rows):
                kinds.insert(0, "")
            yield from _inside(schema, kinds, value[name], f"{where}/{name}", unknown, depth)
        else:
            always: set[int] = set()
            for span, kind, mark in spans:
                if not mark:
                    always |= {i for i in span if not (kind.startswith("Option<") and i >= _NULLS_OMITTED)}
            yield Clue(f"{where}/{name} is not there", _ALL - always)
    unknown.extend(f"{where}/{name}" for name in value if name not in fields)


def _foreign_before(schema: Named, kind: str, first: str) -> bool:
    """Whether a type is younger than a field of it: the field's first releases had a type of the same name from another crate."""
    constructor, _ = parse_type(kind)
    starts = [_PLACE[begin] for _, fields in schema.get(constructor, ()) for rows in fields.values() for _, begin, _, _ in rows]
    return bool(starts) and min(starts) > _PLACE[first]


def _is_fam(value: Any) -> bool:
    """A flexible-array struct as serde wrote it up to v25: a header and the list of its entries."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], list | dict) and isinstance(value[1], list)


def _inside(schema: Named, kinds: list[str], value: Any, where: str, unknown: list[str], depth: int) -> Iterator[Clue]:
    """The clues inside a field that has had several types: by the type that leaves fewest keys unknown. A type that is not
    declared by the VMM (a struct of the kernel's) may explain anything and tells nothing."""
    best: tuple[list[str], list[Clue]] | None = None
    for kind in reversed(kinds):
        strange: list[str] = []
        found = list(_clues(schema, kind, value, where, strange, depth + 1))
        if best is None or len(strange) < len(best[0]):
            best = (strange, found)
    if best:
        unknown.extend(best[0])
        yield from best[1]


_NODES: Final = {"": "VmSnapshot", "memory-manager": "MemoryManagerSnapshotData", "device-manager": "DeviceManagerState"}


def _kind(component: Component) -> str | None:
    """The Rust type of a component's data; None for a component of no known kind. CorruptState where the data cannot be read."""
    if component.parent is not None and component.parent.name == "cpu-manager" and component.name.isdecimal():
        if _tagged(component):
            return "CpuState"
        return "VcpuMshvState" if _key(component, "dbg") is not None else "VcpuKvmState"
    if component.parent is None or component.name in _NODES:
        return _NODES.get(component.name)
    return _struct(component, component.data)


def declared(component: Component) -> frozenset[str]:
    """The keys that the VMM declares for the data of a component; none for a component of no known kind."""
    kind = _kind(component)
    data = component.data
    if kind == "CpuState":
        ((tag, data),) = data.items()
        kind = f"Vcpu{tag}State"
    row = _resolve(_STATE, kind, data) if kind else None
    return frozenset(row[1]) if row else frozenset()


def _components(snap: Snapshot, unknown: list[str]) -> Iterator[Clue]:
    for component in snap.machine.walk():
        if not component.has_data:
            continue
        try:
            kind, leaf = _kind(component), component.leaf
        except SnapfsError:
            continue
        if kind is None:
            if leaf.value is not None:
                unknown.append(f"{component.where}: a component of no known kind")
            continue
        if not leaf.epochs:
            yield from _clues(_STATE, kind, leaf.value, component.where, unknown)
        else:
            # a binary leaf has no names: those of its value are the layout's
            last = EPOCHS.index(leaf.epochs[-1]) + 1
            end = _PLACE[EPOCHS[last]] if last < len(EPOCHS) else _PLACE["v39.0"]
            yield Clue(f"the binary layout of {component.where}", frozenset(range(_PLACE[leaf.epochs[0]], end)))


def _struct(component: Component, data: Any) -> str | None:
    """Of the structs that the component may hold the one that was decoded, or that shares most keys with the data."""
    keys = data.keys() if isinstance(data, dict) else set()
    rows = {name: _resolve(_STATE, name, data) for name in leaves.structs_of(component)}
    if component.binary is not None and component.leaf.encoding in rows:
        return component.leaf.encoding
    return max(rows, key=lambda name: len(keys & row[1].keys()) if (row := rows[name]) else -1, default=None)


def infer(snap: Snapshot) -> Origin:
    """The likeliest releases behind a snapshot. Never raises for damage: what cannot be read gives no clue."""
    unknown: list[str] = []
    clues: list[Clue] = []
    for first, last, seen, test in _shapes():
        try:
            if test(snap):
                clues.append(Clue(seen, _span(first, last)))
        except SnapfsError:
            continue
    try:
        clues += _clues(_CONFIG, "VmConfig", snap.config_json, "config", unknown)
    except SnapfsError:
        pass
    try:
        clues += _components(snap, unknown)
    except SnapfsError:
        pass
    return _weigh(clues, unknown)


def _weigh(clues: list[Clue], unknown: list[str]) -> Origin:
    against = [sum(i not in clue.releases for clue in clues) for i in range(len(RELEASES))]
    fewest = min(against)
    best = [i for i, n in enumerate(against) if n == fewest]
    low, high = best[0], best[-1]
    return Origin(
        RELEASES[low],
        RELEASES[high],
        _said(c for c in clues if low in c.releases and low and low - 1 not in c.releases),
        _said(c for c in clues if high in c.releases and high + 1 < len(RELEASES) and high + 1 not in c.releases),
        _said(c for c in clues if low not in c.releases),
        tuple(dict.fromkeys(unknown)),
    )


def _said(clues: Iterable[Clue]) -> tuple[str, ...]:
    """What was seen, shapes before keys; what holds for each of several devices or vCPUs is said once."""
    seen = dict.fromkeys(re.sub(r"/\d+(?=/|$)", "/*", clue.seen) for clue in clues)
    return tuple(sorted(seen, key=lambda text: "/" in text))


def omitted_nulls(config: Any) -> Any:
    """The configuration with the nulls that releases since v53 leave out put back, keys in the order of the declaration.
    Other configurations are returned as they are."""
    return _filled("VmConfig", config) if _omits(config) else config


def _filled(kind: str, value: Any, depth: int = 0) -> Any:
    constructor, arguments = parse_type(kind)
    if depth > _DEEP:
        return value
    if constructor == "Option":
        return _filled(arguments[0], value, depth + 1)
    if constructor == "Vec" and isinstance(value, list):
        return [_filled(arguments[0], item, depth + 1) for item in value]
    row = _resolve(_CONFIG, constructor, value)
    if row is None or row[0] != "struct" or not isinstance(value, dict):
        return value
    filled: dict[str, Any] = {}
    current = len(RELEASES) - 2  # the newest release that has a number
    for name, rows in row[1].items():
        alive = [(k, m) for k, first, last, m in rows if _PLACE[first] <= current <= _PLACE[last]]
        if name in value:
            filled[name] = _filled(rows[-1][0], value[name], depth + 1)
        elif alive and alive[-1][0].startswith("Option<") and not alive[-1][1]:
            filled[name] = None
    return filled | {name: item for name, item in value.items() if name not in filled}
