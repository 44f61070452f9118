"""Whatever stands in the state and the configuration: only errors of snapfs come out, and what is sound still reads."""

import json
from pathlib import Path

import pytest
from corpus import REAL, trimmed
from damaging import damages, hurt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import snapfs
from snapfs.errors import SnapfsError
from snapfs.tree import Dir, File

# one per way of wrapping state, and per architecture
NAMES = ["v16.0-x86_64-small", "v38.0-aarch64-linux", "v51.0-x86_64-linux61-hotplug", "v53.0-x86_64-small", "v53.0-aarch64-linux"]
PART = st.floats(0, 1, exclude_max=True)
# each example walks thousands of files: 4 of them, 80 with the profile `long`
few = settings(max_examples=settings.default.max_examples // 25, deadline=None, suppress_health_check=list(HealthCheck))


def written(directory: Path, name: str, documents: dict[str, bytes]) -> Path:
    """A snapshot with these documents and the (empty) memory files of a fixture."""
    directory.mkdir(exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for file in trimmed(name).iterdir():
        if file.name in documents:
            (directory / file.name).write_bytes(documents[file.name])
        else:
            (directory / file.name).symlink_to(file)
    return directory


def walk(directory: Path, but: str = "") -> dict[str, bytes | None]:
    """Everything that the tree shows, save one directory, by path; None for what cannot be read. Any other error than snapfs's
    own escapes."""
    found: dict[str, bytes | None] = {}

    def visit(node: Dir, path: str) -> None:
        for name, child in node.children.items():
            below = f"{path}{name}"
            if isinstance(child, Dir):
                if below != but:
                    visit(child, f"{below}/")
            elif isinstance(child, File) and not child.huge:
                try:
                    found[below] = child.read_bytes()
                except SnapfsError:
                    found[below] = None
                else:
                    assert child.streamed or child.size == len(found[below] or b""), below

    with snapfs.open(directory) as snap:
        visit(snapfs.tree.root(snap), "")
        assert all(isinstance(problem, str) for problem in snap.problems)
    return found


def state_of(name: str) -> str:
    return next(n for n in ("state.json", "vm.json") if (trimmed(name) / n).exists())


@pytest.mark.parametrize("name", NAMES)
@few
@given(hurts=damages)
def test_a_damaged_state_is_shown_as_far_as_it_goes(tmp_path_factory, name, hurts):
    file = state_of(name)
    document = hurt(json.loads((trimmed(name) / file).read_bytes()), hurts)
    shown = walk(written(tmp_path_factory.getbasetemp() / f"state-{name}", name, {file: json.dumps(document).encode()}))
    assert shown["README"]
    assert shown["summary.txt"]
    if file == "state.json":  # in vm.json the configuration is part of what was hurt
        assert shown["config/cpus/boot_vcpus"]


@pytest.mark.parametrize("name", NAMES[1:])
@few
@given(hurts=damages)
def test_a_damaged_configuration_is_shown_as_far_as_it_goes(tmp_path_factory, name, hurts):
    document = hurt(json.loads((trimmed(name) / "config.json").read_bytes()), hurts)
    shown = walk(
        written(tmp_path_factory.getbasetemp() / f"config-{name}", name, {"config.json": json.dumps(document).encode()}), but="state"
    )
    assert shown["summary.txt"]
    assert shown["vcpus/0/regs.txt"]
    assert shown["memory/map.txt"]


@pytest.mark.parametrize("name", ["v16.0-x86_64-small", "v53.0-x86_64-small"])
@few
@given(
    where=st.floats(0, 1, exclude_max=True), flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=8)
)
def test_a_file_that_was_cut_and_flipped_still_shows_itself(tmp_path_factory, name, where, flips):
    file = state_of(name)
    content = bytearray((trimmed(name) / file).read_bytes())
    for at, mask in flips:
        content[int(at * len(content))] ^= mask
    if where < 0.5:
        del content[int(2 * where * len(content)) :]
    shown = walk(written(tmp_path_factory.getbasetemp() / f"flip-{name}", name, {file: bytes(content)}))
    assert shown["README"]
    assert shown["summary.txt"]


@pytest.mark.parametrize("name", REAL)
def test_a_component_that_is_lost_takes_nothing_else_with_it(tmp_path, name):
    file = state_of(name)
    document = json.loads((trimmed(name) / file).read_bytes())
    before = walk(trimmed(name))
    vcpus = document["snapshots"]["cpu-manager"]["snapshots"]
    del vcpus[min(vcpus, key=int)]
    after = walk(written(tmp_path / "one", name, {file: json.dumps(document).encode()}))
    lost = {path for path in before if path.startswith(("vcpus/0/", "state/cpu-manager/0", "memory/virtual/0/"))}
    assert len(lost) > 100
    assert before.keys() - after.keys() <= lost | {path for path in before if path.startswith(("clock/", "dump/gdb-0"))}
    changed = {path for path in after if path in before and after[path] != before[path]}
    # what speaks of all vCPUs speaks of one less
    summing_up = ("state.txt", "summary.", "vcpus/vcpus.txt", "vcpus/README", "clock", "README", "dump/", "gic/interrupts.txt")
    assert not {path for path in changed if after[path] is None or not path.startswith(summing_up)}
