"""Snapshots to measure with: the documents of a real one, with memory of any size. Imported by `speed` and `soak`."""

from __future__ import annotations

import json
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests/fixtures/v53.0-x86_64-small"
MIB = 1 << 20
# Cloud Hypervisor puts what does not fit below 3 GiB behind 4 GiB
LOW, HIGH = 3 << 30, 4 << 30


def build(target: Path, size: int, *, dense: int) -> Path:
    """A snapshot directory with `size` bytes of memory; the first `dense` bytes of each 64 MiB stretch are data, in part
    text, the rest are holes. Nothing is done when it is there."""
    if (target / "memory-ranges").exists() and (target / "memory-ranges").stat().st_size == size:
        return target
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_bytes((FIXTURE / "config.json").read_bytes())
    ranges = [{"gpa": 0, "length": min(size, LOW)}]
    if size > LOW:
        ranges.append({"gpa": HIGH, "length": size - LOW})
    (target / "state.json").write_text(_with_ranges((FIXTURE / "state.json").read_text(), ranges))
    rng = random.Random(1)
    words = b"".join(b"line %d of the memory of a guest, with words to look for\n" % n for n in range(4096))
    with (target / "memory-ranges").open("wb") as out:
        out.truncate(size)
        for start in range(0, size, 64 * MIB) if dense else ():
            out.seek(start)
            for at in range(0, min(dense, size - start), MIB):
                out.write((words * 8)[:MIB] if at // MIB % 8 == 0 else rng.randbytes(MIB))
    return target


def _with_ranges(text: str, ranges: list[dict[str, int]]) -> str:
    state = json.loads(text)
    manager = state["snapshots"]["memory-manager"]["snapshot_data"]
    data = json.loads(manager["state"])
    data["memory_ranges"]["data"] = ranges
    data["guest_ram_mappings"] = [
        {**data["guest_ram_mappings"][0], "slot": n, "gpa": r["gpa"], "size": r["length"], "file_offset": 0} for n, r in enumerate(ranges)
    ]
    manager["state"] = json.dumps(data)
    return json.dumps(state)
