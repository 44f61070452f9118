"""`snapfs diff`: what two snapshots differ in; values by field, memory by page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit, emit_json, paint
from snapfs.cli.places import Place, Words, open_place, places
from snapfs.errors import NoSuchNode, PathError, SnapfsError

if TYPE_CHECKING:
    from snapfs.blob import Blob
    from snapfs.blob.compare import Run
    from snapfs.tree import Node
    from snapfs.tree.compare import Change, Side

DIFFERENT: Final = 21

# not compared unless named: the originals and dumps, which repeat the rest
_REPEATED_PARTS: Final = ("raw", "memory", "dump")
# inside the other parts: what one of them shows decoded or another shows again
_REPEATED: Final = re.compile(r"state/cpu-manager/[0-9]+|vcpus/[^/]+/raw|devices/[^/]+/state")
_WIDEST: Final = 100


@dataclass
class _Found:
    """What was found so far."""

    changes: list[Change] = field(default_factory=list)
    runs: list[tuple[str, Run]] = field(default_factory=list)
    run_count: int = 0
    pages: int = 0
    of_pages: int = 0


@click.command()
@click.option(
    "--pages", type=click.IntRange(min=0), metavar="N", help="List N runs of differing pages; 0 lists all. [20; with --json 1000]"
)
@places("A B [PATH]...", snapshots=2)
@shared
def command(words: Words, *, pages: int | None) -> int:
    """Show what two snapshots differ in.

    Configuration, state, registers and devices are compared by field, memory by page. With PATHs, only those are compared.
    The exit code is 0 for no difference and 21 for some.
    """
    limit = (1000 if settings().json else 20) if pages is None else pages
    found = _Found()
    with open_place(words.snapshots[0]) as a, open_place(words.snapshots[1]) as b:
        for place in (a, b):
            _ = place.snap  # several have none, and are told so
        for path in words.rest or ("",):
            _compare(a, b, path.strip("/"), found, limit or None)
        if settings().json:
            emit_json(_json(a, b, found))
        elif found.of_pages and found.pages:
            more = found.run_count - len(found.runs)
            emit(f"memory: {found.pages} of {found.of_pages} pages differ" + (f"; {more} more runs, --pages 0 lists all" if more else ""))
    return DIFFERENT if found.changes or found.pages else 0


def _compare(a: Place, b: Place, path: str, found: _Found, limit: int | None) -> None:
    from snapfs.tree import Dir, File
    from snapfs.tree.compare import changes

    nodes = _at(a, path), _at(b, path)
    if nodes == (None, None):
        raise _nowhere(a, path)
    whole = not path
    if whole:
        left, right = a.top.children, b.top.children
        parts = [n for n in (*left, *(n for n in right if n not in left)) if isinstance(left.get(n, right.get(n)), Dir)]
        for part in parts:
            if part not in _REPEATED_PARTS:
                for change in changes(left.get(part), right.get(part), part, lambda p: bool(_REPEATED.fullmatch(p))):
                    _note(change, found)
    else:
        for change in changes(*nodes, path, lambda p: p != path and bool(_REPEATED.fullmatch(p))):
            _note(change, found)
    if whole or path == "memory":
        _memory(a, b, found, limit)
    elif any(isinstance(n, File) and n.huge for n in nodes):
        blobs = [n.blob() if isinstance(n, File) else _nothing() for n in nodes]
        _pages(path, blobs[0], blobs[1], found, limit)


def _at(place: Place, path: str) -> Node | None:
    try:
        return place.top / path
    except PathError:
        return None


def _nowhere(place: Place, path: str) -> SnapfsError:
    try:
        place.top / path
    except PathError as error:
        return error
    return NoSuchNode(f"{path}: in neither snapshot")


def _nothing() -> Blob:
    from snapfs.blob import Data

    return Data(b"")


def _note(change: Change, found: _Found) -> None:
    found.changes.append(change)
    if not settings().json:
        emit(f"{paint(change.path, bold=True)}: {_sides(change)}")


def _sides(change: Change) -> str:
    """Both sides on one line; of long lists only how much differs, and the first."""
    if change.a is None or change.b is None:
        side, where, color = (change.b, "only in B", "green") if change.a is None else (change.a, "only in A", "red")
        return f"{where}: {paint(_short(side.text.splitlines() if side else []), fg=color)}"
    one, other = change.a.text.splitlines(), change.b.text.splitlines()
    if len(one) <= 1 and len(other) <= 1:
        return f"{paint(_short(one), fg='red')} -> {paint(_short(other), fg='green')}"
    differing = [i for i in range(max(len(one), len(other))) if one[i : i + 1] != other[i : i + 1]]
    first = differing[0]
    return (
        f"{len(differing)} of {max(len(one), len(other))} lines differ, the first is line {first + 1}: "
        f"{paint(_short(one[first : first + 1]), fg='red')} -> {paint(_short(other[first : first + 1]), fg='green')}"
    )


def _short(lines: list[str]) -> str:
    text = lines[0] if lines else "(nothing)"
    text = text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
    return text if len(lines) <= 1 else f"{text} and {len(lines) - 1} more lines"


def _memory(a: Place, b: Place, found: _Found, limit: int | None) -> None:
    """Physical memory, and the ranges that only one of them has."""
    blobs: list[Blob] = []
    for place in (a, b):
        try:
            blobs.append(place.snap.memory.physical)
        except SnapfsError as error:
            from snapfs.cli.output import warn

            warn(f"memory is not compared: {error}")
            return
    _pages("memory/physical", blobs[0], blobs[1], found, limit)


def _pages(path: str, a: Blob, b: Blob, found: _Found, limit: int | None) -> None:
    from snapfs.blob.compare import PAGE, differing
    from snapfs.cli.progress import progress

    size = max(a.size, b.size)
    found.of_pages += -(-size // PAGE)
    with progress(path, size) as advance:
        for run in differing(a, b, advance):
            found.run_count += 1
            found.pages += run.pages
            if limit is None or len(found.runs) < limit:
                found.runs.append((path, run))
                if not settings().json:
                    plural = "s" if run.pages != 1 else ""
                    kind = "" if run.kind == "differs" else f", {run.kind.replace(' a', ' A').replace(' b', ' B')}"
                    emit(f"{paint(path, bold=True)}: 0x{run.start:016x}-0x{run.end:016x} {run.pages} page{plural}{kind}")


def _json(a: Place, b: Place, found: _Found) -> Any:
    def value(side: Side | None) -> Any:
        return {"absent": True} if side is None else side.value

    return {
        "a": str(a.snap.source.path),
        "b": str(b.snap.source.path),
        "fields": [{"path": c.path, "a": value(c.a), "b": value(c.b)} for c in found.changes],
        "memory": {
            "pages": found.of_pages,
            "differ": found.pages,
            "runs": [
                {"path": path, "start": f"0x{r.start:016x}", "end": f"0x{r.end:016x}", "pages": r.pages, "kind": r.kind}
                for path, r in found.runs
            ],
            "runs_not_listed": found.run_count - len(found.runs),
        },
    }


def _run(path: str, run: Run) -> dict[str, Any]:
    return {"path": path, "start": f"0x{run.start:016x}", "end": f"0x{run.end:016x}", "pages": run.pages, "kind": run.kind}
