"""The demo with a program whose pages are scattered over RAM: more mappings than some formats can count."""

from __future__ import annotations

import json
from pathlib import Path

from corpus import demo, truth

__all__ = ["scattered"]


def scattered(directory: Path, pages: int) -> Path:
    """The demo with RAM enough for many segments, and a program of `pages` pages of which no two follow each other."""
    ram = 512 << 20
    (directory / "config.json").write_bytes((demo() / "config.json").read_bytes())
    state = json.loads((demo() / "state.json").read_text())
    node = state["snapshots"]["memory-manager"]["snapshot_data"]
    table = json.loads(node["state"])
    table["memory_ranges"]["data"] = [{"gpa": 0, "length": ram}]
    table["guest_ram_mappings"][0]["size"] = ram
    node["state"] = json.dumps(table)
    (directory / "state.json").write_text(json.dumps(state))
    with (directory / "memory-ranges").open("wb") as file:
        file.write((demo() / "memory-ranges").read_bytes())
        file.truncate(ram)

        def put(at: int, *entries: int) -> None:
            file.seek(at)
            file.write(b"".join(entry.to_bytes(8, "little") for entry in entries))

        cr3 = int(truth("demo")["vcpus"]["0"]["cr3"], 16)
        put(cr3 + 8, 0x100_1007)
        put(0x100_1000, 0x100_2007)
        put(0x100_2000, *[(0x100_3000 + (n << 12)) | 7 for n in range(-(-pages // 512))])
        put(0x100_3000, *[(0x200_0000 + (n * 2 % 0x1_8000 << 12)) | 7 for n in range(pages)])
    return directory
