"""What every door may rely on, looked at through every door."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from corpus import truth

from snapfs.errors import SnapfsError
from snapfs.layout import Record
from snapfs.layout.record import present
from snapfs.snapshot.vcpu import Vcpu
from snapfs.tree import Dir, File, names, root
from snapfs.tree.nodes import TextFile

REGISTERS = ("regs", "sregs", "msrs", "sysregs", "xcrs", "fpsimd")


def test_every_door_shows_the_same(view, opened):
    exported = view.door in ("directory", "tar")
    left = {path for path in opened.large if not path.startswith("raw/")} if exported else set()
    if view.door == "tar":
        left |= {path for path in opened.large if path.startswith("raw/memory-")}
    assert view.directories == opened.directories
    assert view.links == opened.links
    assert view.large == opened.large - left
    readable = {path: content for path, content in opened.contents.items() if content is not None or not exported}
    assert view.contents.keys() == readable.keys()
    assert {path for path in readable if view.contents[path] != readable[path]} == set()


def test_a_size_is_true(view):
    assert {path for path, size in view.sizes.items() if view.contents[path] is not None and size != len(view.contents[path])} == set()


def texts(node: Dir, path: str = "") -> Iterator[str]:
    for name, child in node.children.items():
        if isinstance(child, Dir):
            yield from texts(child, f"{path}{name}/")
        elif isinstance(child, TextFile):
            yield f"{path}{name}"


def test_every_text_ends_in_one_newline(view):
    for path in texts(root(view.snap)):
        content = view.contents.get(path)
        if content:  # an empty list is an empty file
            assert content.endswith(b"\n"), path
            assert content == b"\n" or not content.endswith(b"\n\n"), path


def test_links_lead_to_something_inside_the_tree(view):
    for path, target in view.links.items():
        assert not target.startswith("/")
        reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        assert reached in view.directories | view.contents.keys(), path


def as_text(value: Any) -> str:
    """A JSON leaf as the interface wants it."""
    if isinstance(value, list):
        return "".join(as_text(part) for part in value)
    return (value if isinstance(value, str) else json.dumps(value)) + "\n"


def leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Path and text of every leaf of a JSON value: lists of things are directories, lists of scalars one file."""
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        parts = enumerate(value)
    else:
        yield path, as_text(value)
    for key, part in parts:
        yield from leaves(part, f"{path}/{names.escape(str(key))}")


def unwrapped(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The same of a state file, unwrapped by hand: a component's data is JSON in a string (since v39), or in a list of bytes
    (since v29). The binary leaves of earlier releases have tests of their own."""
    data = node.get("snapshot_data") or []
    state = data.get("state", "") if isinstance(data, dict) else bytes(data)
    if state[:1] in ("{", b"{"):
        yield from leaves(json.loads(state), path)
    for key, child in node.get("snapshots", {}).items():
        yield from unwrapped(child, f"{path}/{names.escape(key)}")


def test_every_value_of_the_configuration_is_a_file(view):
    found = dict(leaves(view.snap.config_json, "config"))
    assert len(found) > 40
    assert {path for path, text in found.items() if view.text(path) != text} == set()


def test_every_value_of_the_state_is_a_file(view):
    document = json.loads((view.snap.source.path / view.snap.state_file).read_bytes())
    found = dict(unwrapped(document, "state"))
    for component in view.snap.machine.walk():
        if component.has_data:
            steps, here = [], component
            while here.parent is not None:
                steps.append(names.escape(here.name))
                here = here.parent
            found.update(leaves(component.data, "/".join(["state", *reversed(steps)])))
    assert len(found) > 1000
    assert {path for path, text in found.items() if view.text(path) != text} == set()


def numbers(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """Path and number of every register in a part of the model."""
    if isinstance(value, Record):
        for name in present(value):
            yield from numbers(getattr(value, name), f"{path}/{name}")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from numbers(part, f"{path}/{names.escape(str(name))}")
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, value


def groups(vcpu: Vcpu) -> Iterator[tuple[str, Any]]:
    for facet in vcpu.facets():
        if facet.name in REGISTERS:
            try:
                yield facet.name, getattr(vcpu, facet.attribute)
            except SnapfsError as error:
                raise AssertionError(f"{facet.name} of a sound snapshot fails") from error


def test_every_register_reads_as_the_number_that_the_api_gives(view):
    count = 0
    for number, vcpu in view.snap.vcpus.items():
        for name, group in groups(vcpu):
            for path, value in numbers(group, f"vcpus/{number}/{name}"):
                assert int(view.text(path), 0) == value, path
                count += 1
    assert count > 100


def test_a_table_says_what_the_files_beside_it_say(view):
    tables = [path for path in view.contents if path.startswith("vcpus/") and path[:-4] in view.directories and path.endswith(".txt")]
    assert len(tables) > 5
    for path in tables:
        for line in view.text(path).splitlines():
            name, _, rest = line.partition(" ")
            file = f"{path[:-4]}/{name.replace('.', '/')}"
            content = view.contents.get(file)
            if content is None or "%" in name or rest.lstrip().startswith("["):
                continue  # a dot inside a name, a directory by number, a list
            value = json.loads(rest.strip()) if rest.strip().startswith('"') else rest.split()[0]
            assert str(value) == content.decode().rstrip("\n"), f"{path}: {name}"


def test_the_order_is_that_of_counting(opened):
    for place in ("vcpus", "config/disks", "memory/virtual"):
        node = root(opened.snap) / place if place.split("/")[0] in root(opened.snap).children else None
        if isinstance(node, Dir):
            listed = [name for name in node.children if name.isdecimal()]
            assert listed == sorted(listed, key=int)


@pytest.mark.parametrize("opened", ["demo"], indirect=True)
def test_the_sample_holds_what_its_guest_says_of_itself(view):
    expected = truth("demo")
    for number, vcpu in expected["vcpus"].items():
        for register in ("cr0", "cr3", "cr4", "efer"):
            assert int(view.text(f"vcpus/{number}/sregs/{register}"), 0) == int(vcpu[register], 0)
        for segment in ("cs", "ss", "tr"):
            assert int(view.text(f"vcpus/{number}/sregs/{segment}/selector"), 0) == int(vcpu[segment], 0)
    assert view.text("config/payload/cmdline") == expected["cmdline"]["text"] + "\n"
    assert view.text("config/memory/size") == f"{expected['ram_size']}\n"


def test_huge_files_are_in_three_places_only(opened):
    def visit(node: Dir, path: str) -> Iterator[str]:
        for name, child in node.children.items():
            if isinstance(child, Dir):
                yield from visit(child, f"{path}{name}/")
            elif isinstance(child, File) and child.huge:
                yield f"{path}{name}"

    found = set(visit(root(opened.snap), ""))
    assert found
    assert all(path.startswith(("raw/", "memory/", "dump/")) for path in found)
