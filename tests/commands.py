"""Runs command lines: inside this process where only the answer matters, as a program of its own where more does."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapfs import cli

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


class Runner:
    """`run("cat", "--demo", ...)`; both streams are captured."""

    def __init__(self, capsys: Any) -> None:
        self._capsys = capsys

    def __call__(self, *args: object) -> Answer:
        self._capsys.readouterr()
        code = cli.run([str(a) for a in args])
        return Answer(code, *self._capsys.readouterr())


def program(*args: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """snapfs in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), **options.pop("env", {})}
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([sys.executable, "-m", "snapfs", *map(str, args)], stderr=subprocess.PIPE, timeout=120, env=env, **options)
