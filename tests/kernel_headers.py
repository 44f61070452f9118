"""The C compiler as a witness: are sizes, offsets and constants what the kernel's headers make of them?

Nothing is run: every fact is a static assertion, so that the headers of another architecture can be asked with the native
compiler (64-bit little-endian Linux lays these structs out alike everywhere). Debian has those headers in linux-libc-dev,
linux-libc-dev-arm64-cross and linux-libc-dev-riscv64-cross.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from snapfs.layout import Record

__all__ = ["check", "layout"]

#: architecture -> the macro that its headers ask for, and where Debian 12 and 13 put the headers
_TARGETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "x86_64": ("__x86_64__", ("/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/x86_64-linux-gnu/include")),
    "aarch64": ("__aarch64__", ("/usr/aarch64-linux-gnu/include", "/usr/lib/linux/uapi/arm64", "/usr/include")),
    "riscv64": ("__riscv", ("/usr/riscv64-linux-gnu/include", "/usr/lib/linux/uapi/riscv", "/usr/include")),
}


def layout(record: type[Record], struct: str, **names: str) -> list[str]:
    """The size of a record and the place of each of its fields as C conditions. `names` are fields that C calls otherwise, or does
    not have (the empty string)."""
    facts = [f"sizeof({struct}) == {record.SIZE}"]
    for field in record.FIELDS.values():
        if name := names.get(field.name, field.name):
            facts.append(f"__builtin_offsetof({struct}, {name}) == {field.offset}")
            facts.append(f"sizeof((({struct} *)0)->{name}) == {field.size}")
    return facts


def check(arch: str, headers: Iterable[str], facts: Iterable[str], tmp_path: Path) -> None:
    """Fails with the conditions that do not hold; skips where the compiler or the architecture's headers are not installed."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    macro, places = _TARGETS[arch]
    found = [place for place in places if Path(place).is_dir()]
    # what all architectures share is in /usr/include too, but never asm/
    if not any((Path(place) / "asm/kvm.h").exists() for place in found):
        pytest.skip(f"no kernel headers of {arch} are installed (Debian: linux-libc-dev, for other architectures with -<arch>-cross)")
    source = tmp_path / "facts.c"
    lines = ["#define offsetof(type, member) __builtin_offsetof(type, member)", *(f"#include <{header}>" for header in headers)]
    lines += [f'_Static_assert({fact}, "does not hold");' for fact in facts]
    source.write_text("\n".join(lines) + "\n")
    others = [f"-U{name}" for name, _ in _TARGETS.values() if name != macro]
    includes = [word for place in found for word in ("-isystem", place)]
    command = [compiler, "-std=gnu11", "-fsyntax-only", "-nostdinc", *others, f"-D{macro}=1", "-D__riscv_xlen=64", *includes, str(source)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
