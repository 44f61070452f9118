"""What a short command must not pay for. (How long it takes depends on the machine; what it imports does not.)"""

import json
import subprocess
import sys

import commands
import corpus
import pytest

_ASK = """
import json, sys
from snapfs import cli
code = cli.run(json.loads(sys.argv[1]))
heavy = ("pydantic", "pydantic_core", "trio", "pyfuse3", "rich", "asyncio", "ssl", "docutils")
sys.stderr.write(json.dumps([name for name in heavy if name in sys.modules]))
sys.exit(code)
"""


def heavy(*args: object) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps([str(a) for a in args])], capture_output=True, text=True, cwd=commands.REPOSITORY
    )
    assert result.returncode == 0, result.stderr
    found: list[str] = json.loads(result.stderr)
    return found


@pytest.mark.parametrize("name", ["v16.0-x86_64-small", "v38.0-x86_64-small", "v39.0-x86_64-small", "v53.0-x86_64-linux612"])
def test_printing_a_register_imports_no_models_and_no_mount(name):
    assert heavy("cat", corpus.trimmed(name), "vcpus/0/regs/rip") == []


def test_printing_a_register_of_another_architecture_does_not_either():
    assert heavy("cat", corpus.trimmed("v53.0-aarch64-linux"), "vcpus/0/regs/pc") == []


@pytest.mark.parametrize("args", [("ls", "--demo"), ("--version",), ("-h",), ("mount", "-h"), ("export", "-h")])
def test_neither_do_the_other_short_answers(args):
    assert heavy(*args) == []
