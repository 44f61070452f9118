#!/usr/bin/env python3
"""Derives snapfs/formats/facts/schema.py: which keys each release writes into the configuration and the state.

    python3 contrib/derive-schema.py ch-versions.json config-schema.json state-structs.json > snapfs/formats/facts/schema.py

The arguments are the tables of the format reference. A field's row is (Rust type, first release, last release, mark); the mark is
`o` where the field depends on how the release was built or is left out when it has its default, else empty. Structs that are
flattened into their parent are spliced in here.
"""

import json
import sys
from pathlib import Path

HEAD = "HEAD"


def main() -> None:
    versions, config, state = (json.loads(Path(p).read_text()) for p in sys.argv[1:4])
    tags = [row["tag"] for row in versions["versions"]]
    place = {tag: i for i, tag in enumerate(tags)}

    def rows(histories: list, structs: dict) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
        out: dict[str, list[tuple[str, str, str, str]]] = {}
        for name, history in histories:
            for h in history:
                if h.get("flattened_into_parent"):
                    inner = structs[h["type"]]["fields"]
                    for sub, sub_rows in rows([(n, f["history"] if isinstance(f, dict) else f) for n, f in inner.items()], structs):
                        for kind, first, last, mark in sub_rows:
                            low, high = max(first, h["first"], key=place.get), min(last, h["last"], key=place.get)
                            out.setdefault(sub, []).append((kind, low, high, mark))
                    continue
                mark = "o" if h.get("only_when") or h.get("omitted_when_default_or_empty") else ""
                kind = "" if h["type"].startswith("=") else h["type"].replace(" ", "")
                out.setdefault(name, []).append((kind, h["first"], h["last"], mark))
        return list(out.items())

    def emit(title: str, structs: dict) -> None:
        print(f"{title}: Final[Schema] = {{")
        for name, struct in structs.items():
            histories = [(n, f["history"] if isinstance(f, dict) else f) for n, f in struct["fields"].items()]
            print(f"    {name!r}: ({struct['kind']!r}, {{")
            for field, field_rows in rows(histories, structs):
                print(f"        {field!r}: {tuple(field_rows)!r},")
            print("    }),")
        print("}")

    print('"""Which keys each Cloud Hypervisor release writes into the configuration and the state.\n')
    print("Derived by contrib/derive-schema.py from the struct declarations of the Cloud Hypervisor release tags (Apache-2.0). Do not")
    print(
        "edit by hand. A row is (Rust type, first release, last release, mark); the mark `o` says that the release may leave the key out."
    )
    print('"""\n\nfrom __future__ import annotations\n\nfrom typing import Final\n')
    print('__all__ = ["CONFIG", "RELEASES", "STATE", "Schema"]\n')
    print("Row = tuple[str, str, str, str]\n# struct or enum -> (which of the two, field or variant -> rows)")
    print("Schema = dict[str, tuple[str, dict[str, tuple[Row, ...]]]]\n")
    print("# every release that can write a snapshot, in order; the last stands for the development head")
    print(f"RELEASES: Final[tuple[str, ...]] = {tuple(tags)!r}\n")
    emit("CONFIG", config["structs"])
    print()
    emit("STATE", state["structs"])


if __name__ == "__main__":
    main()
