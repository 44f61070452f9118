"""snapfs: everything in a Cloud Hypervisor snapshot, by name.

    with snapfs.open("snapshots/web-1") as snap:
        snap.vcpus[0].regs.rip
        snap.memory.read(0x1000, 64)
        (snapfs.tree.root(snap) / "vcpus/0/regs/rip").read_text()

Importing needs no FUSE. What is not named here or in the docstring of a package is internal.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from snapfs import errors
from snapfs.errors import SnapfsError
from snapfs.snapshot import Snapshot

if TYPE_CHECKING:
    from snapfs import images, tree

__all__ = ["SnapfsError", "Snapshot", "errors", "images", "open", "tree"]


def open(path: str | os.PathLike[str]) -> Snapshot:  # noqa: A001 - the name that users expect of a module for files
    """Opens the snapshot directory at `path`. Raises CannotOpen or NotASnapshot where that is none."""
    return Snapshot(path)


def __getattr__(name: str) -> Any:
    if name in ("images", "tree"):
        import importlib

        return importlib.import_module(f"snapfs.{name}")
    raise AttributeError(f"module 'snapfs' has no attribute {name!r}")
