"""Completion, in the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from shlex import quote

import commands
import corpus
import pytest

pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed")


@pytest.fixture
def env(tmp_path):
    """An environment in which `snapfs` is this source."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    script = bin_dir / "snapfs"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={quote(str(commands.REPOSITORY))} exec {quote(sys.executable)} -m snapfs "$@"\n')
    script.chmod(0o755)
    keep = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "XDG_CACHE_HOME")}
    return {**keep, "PATH": f"{bin_dir}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null"}


def needs(shell: str) -> str:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    return shell


class Shell:
    """An interactive shell; `complete` types a line and a tab and says what the line has become."""

    def __init__(self, name: str, options: list[str], set_up: list[str], env: dict[str, str]) -> None:
        self.child = pexpect.spawn(needs(name), options, env=env, encoding="utf-8", timeout=60, dimensions=(50, 200))
        for line in (*set_up, "echo REA''DY"):
            self.child.sendline(line)
        self.child.expect("READY")
        self.child.expect(r"\$ ")

    def complete(self, line: str) -> str:
        # the completed line is handed to `echo`, quoted as the shell itself understands it
        self.child.send(f"{line}\t")
        self.child.expect_exact(line)
        self.child.send("\x01echo 'LINE''=' \x05 '=END'\n")
        self.child.expect("LINE= (.*?) =END")
        return self.child.match[1]


@pytest.fixture(params=["bash", "zsh"])
def shell(request, env):
    if request.param == "bash":
        found = Shell("bash", ["--norc", "-i"], ["bind 'set enable-bracketed-paste off'", "source <(snapfs completion bash)"], env)
    else:
        set_up = [
            "PS1='$ '",
            "unsetopt zle_bracketed_paste prompt_cr prompt_sp",
            "autoload -Uz compinit; compinit -u -D",
            "source <(snapfs completion zsh)",
        ]
        found = Shell("zsh", ["-f", "-i"], set_up, env)
    yield found
    found.child.close(force=True)


def test_commands_are_completed(shell):
    assert shell.complete("snapfs exp") == "snapfs export"


def test_paths_are_completed_in_the_tree_a_part_at_a_time(shell):
    place = corpus.demo()
    assert shell.complete(f"snapfs cat {place} vcp") == f"snapfs cat {place} vcpus/"
    assert shell.complete(f"snapfs cat {place} vcpus/1/regs/ra") == f"snapfs cat {place} vcpus/1/regs/rax"
    assert shell.complete("snapfs cat --demo memory/zon") == "snapfs cat --demo memory/zones/"


def test_names_with_colons_are_completed(shell):
    place = corpus.demo()
    begun = "devices/pci-0000:00:0"
    assert shell.complete(f"snapfs ls {place} {begun}").startswith(f"snapfs ls {place} {begun}0.0/")


def test_snapshots_are_completed_as_directories(shell, tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "dir-no").write_text("")
    # zsh takes its slash back when something else follows
    assert shell.complete(f"snapfs info {tmp_path}/dir").rstrip("/") == f"snapfs info {tmp_path}/directory"


def test_options_are_completed(shell):
    assert shell.complete("snapfs cat --de") in ("snapfs cat --de", "snapfs cat --demo")  # --debug is there too
    assert shell.complete("snapfs tree --conten") == "snapfs tree --contents"


def fish(env, line):
    result = subprocess.run(
        [needs("fish"), "--no-config", "-c", f"snapfs completion fish | source; complete -C '{line}'"],
        capture_output=True,
        text=True,
        env=env,
    )
    return [row.split("\t")[0] for row in result.stdout.splitlines()]


def test_fish_completes_all_of_it(env):
    place = corpus.demo()
    assert "export" in fish(env, "snapfs exp")
    assert fish(env, f"snapfs cat {place} vcp") == ["vcpus/"]
    assert fish(env, f"snapfs cat {place} vcpus/1/regs/ra") == ["vcpus/1/regs/rax"]
    assert "vcpus/1/regs/rax" in fish(env, "snapfs cat --demo vcpus/1/regs/")
    assert fish(env, f"snapfs ls {place} devices/pci-0000:00:00") == ["devices/pci-0000:00:00.0/"]
    assert fish(env, "snapfs tree --conten") == ["--contents"]


def test_a_snapshot_that_cannot_be_opened_completes_to_nothing(env):
    assert fish(env, "snapfs cat /nowhere/at/all vcp") == []


def test_the_scripts_are_shell(env):
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run(["snapfs", "completion", shell], capture_output=True, text=True, env=env, check=True).stdout
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=script, text=True, check=True)
    assert Path(env["PATH"].split(":")[0], "snapfs").exists()
