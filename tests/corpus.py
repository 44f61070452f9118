"""The snapshots that tests use: trimmed real ones, full real ones, and the embedded sample.

`trimmed(name)` has the JSON files as they were written and memory files of the right size without content: for everything
that does not look into guest memory. `full(name)` is the whole snapshot, from the directory that SNAPFS_SNAPSHOTS names.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from snapfs import sample

FIXTURES = Path(__file__).parent / "fixtures"
REAL = tuple(sorted(p.name for p in FIXTURES.iterdir() if (p / "files.json").exists()))
X86 = tuple(name for name in REAL if "x86_64" in name)
ARM = tuple(name for name in REAL if "aarch64" in name)
_scratch = tempfile.TemporaryDirectory(prefix="snapfs-tests-")


def truth(name: str) -> Any:
    """What the guest of a real snapshot said of itself; for `demo` the expected facts."""
    file = "expected.json" if name == "demo" else "guest.json"
    return json.loads((FIXTURES / name / file).read_text())


@cache
def trimmed(name: str) -> Path:
    """A copy of a fixture with empty memory files of the true size."""
    target = Path(_scratch.name) / name
    target.mkdir(parents=True)
    for file in ("config.json", "state.json", "vm.json"):
        if (FIXTURES / name / file).exists():
            shutil.copy(FIXTURES / name / file, target)
    for file, facts in json.loads((FIXTURES / name / "files.json").read_text()).items():
        with (target / file).open("wb") as out:
            out.truncate(facts["size"])
    return target


def full(name: str) -> Path:
    """The whole snapshot; skips the test when SNAPFS_SNAPSHOTS does not lead to it."""
    root = os.environ.get("SNAPFS_SNAPSHOTS")
    if not root:
        pytest.skip("SNAPFS_SNAPSHOTS does not name the directory of the full snapshots")
    path = Path(root) / name
    if not path.is_dir():
        pytest.skip(f"the directory that SNAPFS_SNAPSHOTS names has no {name}")
    return path


def demo() -> Path:
    """The embedded sample, unpacked."""
    return sample.unpack()
