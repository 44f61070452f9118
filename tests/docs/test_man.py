"""The man pages: built from their source, complete, and free of errors that man(1) would show."""

import importlib
import importlib.util
import re
import shutil
import subprocess

import commands
import corpus
import pytest

import snapfs
from snapfs.cli import COMMANDS
from snapfs.tree import root

pytest.importorskip("docutils", reason="docutils is not installed")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The built pages by name."""
    spec = importlib.util.spec_from_file_location("man_build", commands.REPOSITORY / "contrib/man/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {path.name: path for path in module.build(tmp_path_factory.mktemp("man"))}


def plain(path):
    """The text of a page without the marks of roff."""
    return re.sub(r"\\f[A-Z]|\\&|\\", "", path.read_text())


def test_there_are_three(pages):
    assert set(pages) == {"snapfs.1", "snapfs-tree.5", "mount.snapfs.8"}


def test_every_command_and_each_of_its_options_is_described(pages):
    text = plain(pages["snapfs.1"])
    for name in COMMANDS:
        assert f".SS snapfs {name}" in text
        command = importlib.import_module(f"snapfs.cli.{name.replace('-', '_')}").command
        for param in command.params:
            if param.opts[0].startswith("-"):
                assert max(param.opts, key=len) in text, (name, param.opts)


def test_every_exit_code_of_the_errors_is_described(pages):
    text = plain(pages["snapfs.1"])
    codes = {0, 21, *(getattr(snapfs.errors, name).exit_code for name in snapfs.errors.__all__)}
    assert {int(n) for n in re.findall(r"^\.B (\d+)", text, re.MULTILINE)} >= codes


def test_every_mount_option_is_described_on_both_pages(pages):
    from snapfs.fuse.options import HELP

    for page in ("snapfs.1", "mount.snapfs.8"):
        assert all(name in plain(pages[page]) for name in HELP)


@pytest.mark.parametrize("name", ["v53.0-x86_64-small", "v53.0-aarch64-linux"])
def test_every_entry_at_the_top_of_a_tree_is_described(pages, name):
    text = plain(pages["snapfs-tree.5"])
    with snapfs.open(corpus.trimmed(name)) as snap:
        for entry in root(snap).children:
            if entry.removesuffix(".txt") + "/" not in text:
                assert re.search(rf"\b{re.escape(entry)}\b", text), entry


def test_man_has_nothing_to_complain_of(pages):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    for path in pages.values():
        result = subprocess.run(["groff", "-ww", "-z", "-man", "-t", "-Kutf8", "-Tutf8", path], capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, ""), path.name
