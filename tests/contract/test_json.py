"""A file's text, its value in JSON, and the JSON of its directory say the same, from the command line too."""

import json

import commands
import corpus
import pytest

import snapfs
from snapfs.errors import SnapfsError
from snapfs.tree import Dir, root
from snapfs.tree.nodes import TextFile


def leaves(node, path=""):
    """Every file of values: neither image, nor table, nor made."""
    for name, child in node.children.items():
        below = f"{path}/{name}" if path else name
        if isinstance(child, Dir):
            yield from leaves(child, below)
        elif isinstance(child, TextFile) and not child.repeats:
            yield below, child


def as_text(value):
    """A JSON value as its file would have it."""
    if value is None:
        return "null\n"
    if isinstance(value, bool):
        return "true\n" if value else "false\n"
    if isinstance(value, list):
        return "".join(as_text(v) for v in value)
    if isinstance(value, int | float):
        return json.dumps(value) + "\n"
    return value if value.endswith("\n") else value + "\n"


def printable(value):
    return not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(v, dict | list) for v in value))


@pytest.fixture(params=["demo", *corpus.REAL])
def tree(request):
    place = corpus.demo() if request.param == "demo" else corpus.trimmed(request.param)
    with snapfs.open(place) as snap:
        yield root(snap)


def test_the_json_of_a_file_is_its_text(tree):
    compared = 0
    for part in ("config", "vcpus", "clock", "devices", "gic", "ioapic"):
        if part not in tree.children:
            continue
        for path, file in leaves(tree / part, part):
            if "/raw/" in path:
                continue  # text that is JSON already
            try:
                value = file.to_json()
            except SnapfsError:
                with pytest.raises(SnapfsError):
                    file.read_text()
                continue
            if printable(value):
                assert as_text(value).encode("utf-8", "backslashreplace").decode() == file.read_text() or file.read_text() == "\n", path
                compared += 1
    assert compared > 300


@pytest.mark.parametrize("part", ["config", "vcpus", "devices"])
def test_the_json_of_a_directory_is_that_of_its_files(tree, part):
    whole = (tree / part).to_json()
    for path, file in leaves(tree / part):
        if path.rpartition("/")[2] == "ERROR" or "%" in path:
            continue
        here = whole
        for step in path.split("/"):
            here = here[int(step)] if isinstance(here, list) else here[step]
        try:
            value = file.to_json()
        except SnapfsError as error:
            value = {"ERROR": str(error)}
        assert here == value, path


def test_the_command_prints_what_the_tree_has(capsys):
    run = commands.Runner(capsys)
    with snapfs.open(corpus.demo()) as snap:
        top = root(snap)
        for path in (
            "README",
            "summary.txt",
            "vcpus/vcpus.txt",
            "vcpus/0/msrs.txt",
            "devices/_disk0/queues/0/descriptors.txt",
            "config.txt",
        ):
            assert run("cat", "--demo", path).out == (top / path).read_text()
        for path in ("vcpus/0/regs", "devices/_disk0/queues/0", "config", "vcpus/1/sregs/cs"):
            assert json.loads(run("cat", "--demo", "--json", path).out) == json.loads(json.dumps((top / path).to_json()))
