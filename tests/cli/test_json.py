"""`--json` is honoured by every command, before and behind its name, for answers and for errors."""

from __future__ import annotations

import json
import os

import corpus
import pytest

import snapfs
from snapfs.cli import COMMANDS


@pytest.mark.parametrize("args", [("--version", "--json"), ("--json", "--version"), ("cat", "--json", "--version")])
def test_versions(run, args):
    answer = run(*args)
    assert answer.code == 0
    assert json.loads(answer.out)["linux"] == os.uname().release


@pytest.mark.parametrize(
    "args",
    [
        ("info", "--demo"),
        ("info", "--demo", str(corpus.demo())),
        ("ls", "--demo"),
        ("ls", "-l", "--demo", "raw"),
        ("tree", "--demo", "config"),
        ("tree", "-c", "--demo", "config", "clock"),
        ("cat", "--demo", "config", "README"),
        ("cat", "--demo", "memory/physical"),
        ("cat", "--demo", "memory/at/0x1000"),
        ("cat", "--demo", "raw/state.json"),
        ("diff", "--demo", str(corpus.demo())),
        ("mount", "-o", "help"),
        ("completion", "bash"),
    ],
)
def test_an_answer_is_one_value(run, args):
    for words in ((*args, "--json"), ("--json", *args)):
        answer = run(*words)
        assert (answer.code, answer.err) == (0, "")
        json.loads(answer.out)


def test_bytes_are_hexadecimal_up_to_a_mebibyte_and_of_more_the_size_is_told(run):
    with snapfs.open(corpus.demo()) as snap:
        assert json.loads(run("cat", "--json", "--demo", "memory/at/0x1000+64").out) == snap.memory.read(0x1000, 64).hex()
    original = corpus.demo() / "memory-ranges"
    assert json.loads(run("cat", "--json", "--demo", "raw/memory-ranges").out) == {"bytes": original.stat().st_size}


@pytest.mark.parametrize(
    ("args", "kind", "code"),
    [
        (("bogus",), "UsageError", 1),
        (("cat", "--bogus"), "NoSuchOption", 1),
        (("cat",), "UsageError", 1),
        *(((name, "/nonexistent", *words), "CannotOpen", 11) for name, words in (("info", ()), ("ls", ()), ("cat", ("x",)), ("tree", ()))),
        (("diff", "--demo", "/nonexistent"), "CannotOpen", 11),
        (("export", "/nonexistent", ".", "-"), "CannotOpen", 11),
        (("mount", "/nonexistent", "/nonexistent/m"), "CannotOpen", 11),
        (("cat", "--demo", "nowhere"), "NoSuchNode", 2),
        (("ls", "--demo", "nowhere"), "NoSuchNode", 2),
        (("umount", "/"), "MountError", 10),
        (("mount", "-o", "nonsense", "--demo", "m"), "UsageError", 1),
    ],
)
def test_an_error_is_a_line_of_json_on_stderr(run, args, kind, code):
    answer = run("--json", *args)
    assert answer.code == code
    (line,) = answer.err.splitlines()
    said = json.loads(line)
    assert (said["error"], said["exit_code"]) == (kind, code)
    assert said["message"]


def test_a_word_behind_two_dashes_is_no_option(run):
    answer = run("cat", "--demo", "--", "--json")
    assert answer.code == 2
    assert answer.err.startswith("snapfs: ")


def test_relative_path_in_a_directory_that_was_removed(run, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run("cat", "--demo", "config/cpus/boot_vcpus").out == "2\n"
    for words in (("ls", "x"), ("umount", "x"), ("mount", "--demo", "x")):
        answer = run(*words)
        assert answer.code == 11
        assert "the working directory was removed" in answer.err


def test_every_command_takes_it(run):
    for name in COMMANDS:
        assert "--json" in run(name, "-h").out
