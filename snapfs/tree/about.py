"""What the tree says of itself: README, summary."""

from __future__ import annotations

from typing import Any

from snapfs.snapshot import Snapshot
from snapfs.tree.nodes import json_text

__all__ = ["readme", "summary", "summary_json"]


def readme(snap: Snapshot) -> str:
    """What is here, and commands to try."""
    return f"snapfs: {snap.source.path}\n"


def summary(snap: Snapshot) -> str:
    """The machine on one page."""
    return "".join(f"{k} {v}\n" for k, v in _facts(snap).items())


def summary_json(snap: Snapshot) -> str:
    """The same for programs."""
    return json_text(_facts(snap))


def _facts(snap: Snapshot) -> dict[str, Any]:
    return {"path": str(snap.source.path), "vcpus": len(snap.vcpus), "problems": snap.problems}
