"""`dump/`: the snapshot as files that debuggers open."""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.errors import SnapfsError
from snapfs.images import lime
from snapfs.images.cores import Cores
from snapfs.images.howto import howto
from snapfs.snapshot import Snapshot
from snapfs.tree.nodes import ImageFile, Node, StreamFile

__all__ = ["dump"]


def dump(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `dump/`."""
    try:
        vcpus = snap.vcpus
    except SnapfsError:
        vcpus = {}  # memory alone is worth having
    cores = Cores(snap.memory, vcpus)
    yield "HOWTO", StreamFile(lambda: howto(cores))
    yield "vmcore", ImageFile(lambda: cores.vmcore, huge=True)
    for number in vcpus:
        yield f"gdb-{number}.core", ImageFile(lambda n=number: cores.gdb(n), huge=True)  # type: ignore[misc]
    yield "memory.lime", ImageFile(lambda: lime(snap), huge=True)
