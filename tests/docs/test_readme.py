"""Every command in a `console` block of README.md is run on the embedded sample, and prints what stands there.

`PYTHONPATH=. python tests/docs/test_readme.py` writes what they print into README.md; review the difference.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import corpus
import pytest

import snapfs
from snapfs.tree import root

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
MARK = "@@@@"


def commands_in(text: str) -> list[str]:
    """The commands of all blocks, in order."""
    return [line[2:] for block in BLOCK.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def run(commands: list[str], place: Path) -> list[str]:
    """What each command prints, all of them in one shell."""
    (place / "bin").mkdir()
    for name, module in (("snapfs", "-m snapfs"), ("python3", "")):
        script = place / "bin" / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" {module} "$@"\n')
        script.chmod(0o755)
    (place / "work").mkdir()
    (place / "work/contrib").symlink_to(REPOSITORY / "contrib")
    lines = [f"echo {MARK}; {command}" for command in commands]
    env = {"PATH": f"{place}/bin:{os.environ['PATH']}", "HOME": str(place), "LC_ALL": "C.UTF-8", "TERM": "dumb", "SHELL": "/bin/bash"}
    try:
        result = subprocess.run(
            ["bash"], input="exec 2>&1\n" + "\n".join(lines), capture_output=True, text=True, cwd=place / "work", env=env, timeout=300
        )
    finally:
        subprocess.run([place / "bin/snapfs", "umount", "--lazy", place / "work/demo"], capture_output=True, env=env)
    return result.stdout.split(f"{MARK}\n")[1:]


def filled(text: str, outputs: list[str]) -> str:
    """The text with the outputs in place of those that stand there."""
    rest = iter(outputs)
    return BLOCK.sub(lambda m: "".join(f"{line}\n{next(rest)}" for line in m[0].splitlines() if line.startswith("$ ")), text)


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse on this machine")
@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed")
def test_the_readme_shows_what_its_commands_print(tmp_path):
    text = README.read_text()
    commands = commands_in(text)
    assert len(commands) > 20
    assert filled(text, run(commands, tmp_path)) == text


def test_the_packages_that_the_readme_names_are_those_that_setup_installs():
    named = re.search(r"^apt-get install (.*)$", README.read_text(), re.MULTILINE)[1].split()
    lacking = re.search(r"^_lacking\(\) \{\n(.*?)^\}", (REPOSITORY / "contrib/setup.sh").read_text(), re.MULTILINE | re.DOTALL)[1]
    assert {*named, "python3"} == set(re.findall(r"\becho ([\w.-]+)", lacking))


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse on this machine")
def test_the_commands_of_the_chapter_on_use_work(tmp_path):
    block = re.search(r"^## Use\n\n```sh\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)[1]
    for place in ("/var/snapshots", "/mnt"):
        assert place in block
        block = block.replace(place, str(tmp_path) + place)
        (tmp_path / place[1:]).mkdir(parents=True)
    shutil.copytree(corpus.demo(), tmp_path / "var/snapshots/web-1")
    *outputs, printed = run([line.partition("#")[0] for line in block.splitlines()], tmp_path)
    assert outputs == ["", ""]
    with snapfs.open(corpus.demo()) as snap:
        assert printed == (root(snap) / "vcpus/0/regs.txt").read_text()
    assert list((tmp_path / "mnt").iterdir()) == []


def test_every_document_that_is_linked_is_there():
    for document in (README, *(REPOSITORY / "contrib").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_first_screen_has_the_two_commands():
    first = README.read_text().splitlines()[:30]
    assert any(line.startswith("contrib/demo") for line in first)
    assert any(line.startswith("contrib/test") for line in first)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        source = README.read_text()
        README.write_text(filled(source, run(commands_in(source), Path(scratch))))
