"""Where two blobs differ, page by page, without reading what is a hole in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from snapfs.blob.algebra import Blob, Extent

__all__ = ["PAGE", "Run", "differing"]

PAGE: Final = 4096
_PIECE: Final = 1 << 20

Kind = Literal["differs", "only in a", "only in b"]


class Run(NamedTuple):
    """Pages in a row that differ, end exclusive; `only in` one means that the other cannot be read or ends before."""

    start: int
    end: int
    kind: Kind

    @property
    def pages(self) -> int:
        """How many pages the run touches."""
        return -(-self.end // PAGE) - self.start // PAGE


def differing(a: Blob, b: Blob, advance: Callable[[int], object] = lambda _: None) -> Iterator[Run]:
    """The runs of pages that differ, in order. `advance` is called with the number of bytes that have been dealt with."""
    end = max(a.size, b.size)
    last: Run | None = None
    at = 0
    for run in _raw(a, b, advance):
        # runs keep to whole pages, and a page is in one run
        start, stop = max(run.start // PAGE * PAGE, at), min(-(-run.end // PAGE) * PAGE, end)
        if start >= stop:
            continue
        if last is not None and last.kind == run.kind and start == last.end:
            last = Run(last.start, stop, run.kind)
        else:
            if last is not None:
                yield last
            last = Run(start, stop, run.kind)
        at = stop
    if last is not None:
        yield last


def _raw(a: Blob, b: Blob, advance: Callable[[int], object]) -> Iterator[Run]:
    for start, end, kind_a, kind_b in _stretches(a, b):
        if kind_a == kind_b and kind_a != "data":
            pass
        elif kind_a == "gap":
            yield Run(start, end, "only in b")
        elif kind_b == "gap":
            yield Run(start, end, "only in a")
        else:
            yield from _compare(a if kind_a == "data" else None, b if kind_b == "data" else None, start, end, advance)
            continue
        advance(end - start)


def _stretches(a: Blob, b: Blob) -> Iterator[tuple[int, int, str, str]]:
    """The stretches on which both blobs are of one kind each. Beyond its end a blob is a gap."""
    end = max(a.size, b.size)
    sides = [_with_end(a, end), _with_end(b, end)]
    heads = [next(side, None) for side in sides]
    at = 0
    while at < end:
        here = [head if head is not None else Extent(at, end, "gap") for head in heads]
        stop = min(e.end for e in here)
        if stop > at:
            yield at, stop, here[0].kind, here[1].kind
        at = max(at, stop)
        for i, head in enumerate(heads):
            if head is not None and head.end <= at:
                heads[i] = next(sides[i], None)


def _with_end(blob: Blob, end: int) -> Iterator[Extent]:
    yield from blob.extents()
    if blob.size < end:
        yield Extent(blob.size, end, "gap")


def _compare(a: Blob | None, b: Blob | None, start: int, end: int, advance: Callable[[int], object]) -> Iterator[Run]:
    """Compares data; None stands for zeros."""
    while start < end:
        # pieces end at page borders, so that a page is looked at once
        n = min(_PIECE - start % _PIECE, end - start)
        left = a.pread(start, n) if a is not None else bytes(n)
        right = b.pread(start, n) if b is not None else bytes(n)
        if left != right:
            one, other = memoryview(left), memoryview(right)
            at = 0
            while at < n:
                step = min(PAGE - (start + at) % PAGE, n - at)
                if one[at : at + step] != other[at : at + step]:
                    yield Run(start + at, start + at + step, "differs")
                at += step
        advance(n)
        start += n
