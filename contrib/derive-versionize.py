#!/usr/bin/env python3
"""Derives snapfs/formats/facts/versionize.py: the field order of every versionize struct, release by release.

    python3 contrib/derive-versionize.py state-structs.json > snapfs/formats/facts/versionize.py

The argument is the table of the format reference: `structs.<name>.{encoding,fields,field_order}` by release tag.
"""

import json
import sys
from pathlib import Path

FIRST, LAST = "v16.0", "v38.0"


def order(tag: str) -> tuple[int, ...]:
    if tag == "HEAD":
        return (1 << 30,)
    numbers = tuple(int(n) for n in tag.removeprefix("v").split("."))
    return numbers[1:] if numbers[0] == 0 and len(numbers) == 3 else numbers


def overlaps(entry: dict) -> bool:
    return order(entry["first"]) <= order(LAST) and order(entry["last"]) >= order(FIRST)


def main() -> None:
    structs = json.loads(Path(sys.argv[1]).read_text())["structs"]
    layouts: dict[str, dict[str, tuple]] = {}
    for full_name, struct in structs.items():
        if not any(e["encoding"] == "versionize" and overlaps(e) for e in struct["encoding"]):
            continue
        variants = [v for v in struct["field_order"] if overlaps(v)]
        entries = list(variants) + [h for f in struct["fields"].values() for h in f if overlaps(h)]
        starts = {max(e["first"], FIRST, key=order) for e in entries}
        rows = layouts.setdefault(full_name.partition(":")[0], {})
        for start in sorted(starts, key=order):
            current = [v for v in variants if order(v["first"]) <= order(start) <= order(v["last"])]
            if not current:
                continue
            if struct["kind"] == "enum":
                fields: tuple = tuple(current[-1]["fields"])
            else:
                fields = tuple(
                    (name, [h for h in struct["fields"][name] if order(h["first"]) <= order(start)][-1]["type"].replace(" ", ""))
                    for name in current[-1]["fields"]
                )
            if not rows or list(rows.values())[-1] != fields:
                rows[start] = fields
    epochs = sorted({start for rows in layouts.values() for start in rows}, key=order)
    print('"""Field order of the structs that Cloud Hypervisor v16 to v38 wrote with versionize.\n')
    print("Derived by contrib/derive-versionize.py from the struct declarations of the Cloud Hypervisor release tags (Apache-2.0).")
    print("Do not edit by hand.")
    print('"""\n\nfrom __future__ import annotations\n\nfrom typing import Final\n')
    print('__all__ = ["EPOCHS", "LAYOUTS"]\n')
    print("# the releases at which any layout changed, in order")
    print(f"EPOCHS: Final = {tuple(epochs)!r}\n")
    print("# name -> release at which the layout begins -> (field, Rust type) of a struct, or the variants of an enum")
    print("LAYOUTS: Final[dict[str, dict[str, tuple[tuple[str, str], ...] | tuple[str, ...]]]] = {")
    for name, rows in layouts.items():
        print(f"    {name!r}: {{")
        for start, fields in rows.items():
            print(f"        {start!r}: {fields!r},")
        print("    },")
    print("}")


if __name__ == "__main__":
    main()
