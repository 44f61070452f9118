#!/usr/bin/env python3
"""Writes contrib/docs/coverage.md: how much of each snapshot in tests/fixtures is decoded by name.

    python3 contrib/coverage-table.py            # writes the table
    python3 contrib/coverage-table.py --check    # exit status 1 when the table in the tree is another

A leaf is a scalar, or a list of scalars, of the state after unwrapping. It is decoded by name when snapfs knows what its key means:
a register group that a facet of the vCPU decodes, or a field that Cloud Hypervisor declares for that component. All others are
shown raw, under their own name. A leaf is lost when neither state/ nor vcpus/ has a file for it; that must be none.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import snapfs
from snapfs import tree
from snapfs.snapshot.component import Component
from snapfs.snapshot.releases import declared
from snapfs.tree import names
from snapfs.tree.nodes import Dir, File

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "contrib" / "docs" / "coverage.md"
sys.path.insert(0, str(ROOT / "tests"))
import corpus  # noqa: E402 - the tests' own way to their snapshots
import synthetic  # noqa: E402

HEAD = """# Coverage

Written by contrib/coverage-table.py from the snapshots in tests/fixtures, checked by the tests.

A leaf is a scalar or a list of scalars of the state file after unwrapping. *By name*: snapfs knows what its key means. *Raw*: shown
under the key that the snapshot gives it, and nothing more. *Unnamed*: registers among those by name that are shown by number, since
no source names them. *Lost*: in no file of the tree.

| snapshot | leaves | by name | raw | unnamed | lost |
| --- | ---: | ---: | ---: | ---: | ---: |
"""

SYNTHETIC = """## Every release

Snapshots that no VMM wrote: made by tests/synthetic.py from the declarations of the release tags, for every architecture and
hypervisor. A release that is not here writes as the one before it.

| synthetic snapshot | leaves | by name | raw | unnamed | lost |
| --- | ---: | ---: | ---: | ---: | ---: |
"""


def leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(leaves, value.values())) if value else 1
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        return sum(map(leaves, value))
    return 1


def files(node: Any) -> int:
    """Files of a directory of plain values; an empty directory is the leaf `{}`."""
    if isinstance(node, Dir):
        return sum(map(files, node.children.values())) if node.children else 1
    return 1 if isinstance(node, File) else 0


def raw_keys(snap: snapfs.Snapshot, component: Component) -> Iterator[tuple[str, int]]:
    """The keys of a component that nothing knows, each with its number of leaves."""
    data = component.data
    if not isinstance(data, dict):
        return
    parent = component.parent
    if parent is not None and parent.name == "cpu-manager":
        for key, value in snap.vcpus[int(component.name)].rest.items():
            yield f"cpu-manager/*/{key}", leaves(value)
        return
    known = declared(component)
    for key, value in data.items():
        if key not in known:
            yield f"{component.where.removeprefix('state/')}/{key}", leaves(value)


def unnamed(node: Dir) -> int:
    """Registers that are shown by number."""
    count = 0
    for group in ("msrs", "sysregs", "csrs"):
        found = node.get(group)
        if isinstance(found, Dir):
            count += sum(name.startswith("0x") for name in found.children)
    return count


def row(path: Path) -> tuple[list[int], Counter[str]]:
    with snapfs.open(path) as snap:
        root = tree.root(snap)
        total, raw, lost = 0, Counter[str](), 0
        for component in snap.machine.walk():
            if not component.has_data:
                continue
            count = leaves(component.data) if component.data != {} else 0
            total += count
            raw.update(dict(raw_keys(snap, component)))
            place = "/".join(names.escape(c.name) for c in lineage(component))
            node = root / f"state/{place}"
            below = (
                sum(files(root / f"state/{place}/{names.escape(child)}") for child in component.children) if isinstance(node, Dir) else 0
            )
            lost += max(0, count - (files(node) - below))
        numbered = sum(unnamed(root / f"vcpus/{n}") for n in snap.vcpus)  # type: ignore[arg-type]
    return [total, total - sum(raw.values()), sum(raw.values()), numbered, lost], raw


def lineage(component: Component) -> list[Component]:
    found: list[Component] = []
    here: Component | None = component
    while here is not None and here.parent is not None:
        found.insert(0, here)
        here = here.parent
    return found


def table() -> str:
    lines, reasons = [HEAD.rstrip("\n")], Counter[str]()
    for name in (*corpus.REAL, "demo"):
        numbers, raw = row(corpus.demo() if name == "demo" else corpus.trimmed(name))
        lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
        reasons.update(raw)
    lines += ["", *SYNTHETIC.splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        for name in (f"v{tag}-{target}" for target, tags in synthetic.CHANGED.items() for tag in tags.split()):
            numbers, raw = row(synthetic.build(name, Path(scratch) / name))
            lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
            reasons.update(raw)
    lines += ["", "## What is raw, and why", ""]
    if reasons:
        lines += [f"- `{place}`: no release that snapfs knows declares it ({count} leaves)" for place, count in sorted(reasons.items())]
    else:
        lines.append("Nothing in these snapshots.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = table()
    if "--check" in sys.argv:
        sys.exit(
            0
            if TABLE.exists() and TABLE.read_text() == text
            else f"{TABLE.relative_to(ROOT)} is out of date: run contrib/coverage-table.py"
        )
    TABLE.write_text(text)
