"""What the documents promise: their examples run, and nothing that needs a reason is without one."""

import re
import tomllib

import commands
import corpus

import snapfs
from snapfs.snapshot.component import Component
from snapfs.tree import reflect

CONTRIB = commands.REPOSITORY / "contrib"


def examples() -> dict[str, object]:
    """The names that the code of CONTRIBUTING.md defines."""
    found: dict[str, object] = {"__name__": "examples"}
    for block in re.findall(r"^```python\n(.*?)^```$", (CONTRIB / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(block, "CONTRIBUTING.md", "exec", dont_inherit=True), found)
    return found


def test_the_register_group_of_the_example_works_in_both_forms():
    group = examples()["WithThermal"]
    as_bytes = [0x11, 0, 0, 0, 0x2A, 0, 0, 0, *[0] * 7, 1]
    for value in (as_bytes, {"status": 0x11, "degrees": 42, "since": 1 << 56}):
        vcpu = group(0, Component({"snapshots": {}, "snapshot_data": {"state": __import__("json").dumps({"Kvm": {"thermal": value}})}}))
        tree = dict(reflect.facets(vcpu))
        assert tree["thermal.txt"].read_text() == "status  0x00000011 HOT THROTTLED\ndegrees 42\nsince   72057594037927936\n"
        assert tree["thermal"].children["status.flags"].read_text() == "HOT THROTTLED\n"
        assert vcpu.thermal.degrees == 42


def test_the_device_kind_of_the_example_is_one():
    from snapfs.snapshot.devices import Device

    kind = examples()["Scmi"]
    assert issubclass(kind, Device)
    assert "channels" in kind._facets


def test_the_image_of_the_example_has_every_range():
    with snapfs.open(corpus.demo()) as snap:
        image = examples()["labelled"](snap.memory)
        label = b"0x0000000000000000-0x0000000001000000\n"
        assert image.pread(0, len(label)) == label
        assert image.size == len(label) + (16 << 20)
        assert any(extent.kind == "hole" for extent in image.extents())


def test_every_dependency_has_its_reason():
    project = tomllib.loads((commands.REPOSITORY / "pyproject.toml").read_text())
    groups = [entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)]
    names = {
        re.match(r"[\w-]+", entry)[0] for entry in (*project["project"]["dependencies"], *project["build-system"]["requires"], *groups)
    }
    table = "".join(line for line in (CONTRIB / "docs/design.md").read_text().splitlines() if line.startswith("|"))
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", table)} == set()


def test_every_layer_of_the_contract_is_in_the_design():
    project = tomllib.loads((commands.REPOSITORY / "pyproject.toml").read_text())
    layers = {
        name.strip().removeprefix("snapfs.") for row in project["tool"]["importlinter"]["contracts"][0]["layers"] for name in row.split("|")
    }
    text = (CONTRIB / "docs/design.md").read_text()
    assert {layer for layer in layers if f"| `{layer}` |" not in text} == set()
