"""Other people's programs, for tests that show what opens a snapshot: skipped, with the reason, where one is not installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["lspci", "program", "text_of"]


def program(name: str) -> str:
    """The path of a program; skips the test without it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def text_of(name: str, *args: str | Path, given: str | None = None, timeout: float = 300) -> str:
    """What a program says; it must succeed."""
    done = subprocess.run(
        [program(name), *map(str, args)], input=given, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def lspci(*args: str | Path, given: str | None = None) -> list[str]:
    """The lines of lspci, in the words that it had before release 3.12."""
    return re.sub(r"IntMsgNum (\d+)", lambda m: f"MSI {int(m[1]):02x}", text_of("lspci", *args, given=given)).splitlines()
