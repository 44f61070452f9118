"""The layers, as pyproject.toml has them: imports lead in one direction, and importing snapfs needs no FUSE."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import snapfs

PACKAGE = Path(snapfs.__file__).parent
PROJECT = PACKAGE.parent / "pyproject.toml"


def layers() -> list[set[str]]:
    """From the highest to the lowest."""
    (contract,) = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    return [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]


def test_every_package_has_its_layer():
    named = {name.removeprefix("snapfs.") for layer in layers() for name in layer}
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    # the facade, the program's entry and the sample's files belong to no layer
    assert there - {"__init__", "__main__", "sample"} == named


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_the_door_to_fuse_and_the_version_know_pyfuse3_and_trio():
    knowing = {
        str(path.relative_to(PACKAGE)).split("/")[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] in ("pyfuse3", "trio") for name in imported(path))
    }
    assert knowing <= {"fuse", "cli"}


WITHOUT_FUSE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyfuse3", "trio"):
            raise ImportError("libfuse3.so.3: cannot open shared object file: No such file or directory")

sys.meta_path.insert(0, Missing())
"""


def without_fuse(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", WITHOUT_FUSE + program], capture_output=True, text=True, timeout=120, check=False)


def test_snapfs_works_without_libfuse():
    done = without_fuse(
        "import snapfs, snapfs.sample, snapfs.tree, snapfs.images, snapfs.export\n"
        "with snapfs.open(snapfs.sample.unpack()) as snap:\n"
        "    print(hex(snap.vcpus[1].regs.rax))\n"
        "    print((snapfs.tree.root(snap) / 'config/payload/cmdline').read_text(), end='')\n"
    )
    assert (done.stdout, done.stderr) == ("0x1111aaaa00000001\nstation=skerry-rock lamp=green\n", "")


@pytest.mark.parametrize(
    "command", [["cat", "--demo", "vcpus/1/regs/rip"], ["ls", "--demo"], ["tree", "--demo", "vcpus/1/regs"], ["info", "--demo"]]
)
def test_commands_that_need_no_mount_work_without_libfuse(command):
    done = without_fuse(f"from snapfs.cli import run\nsys.exit(run({command!r}))")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_mount_says_that_libfuse_is_missing(tmp_path):
    done = without_fuse(f"from snapfs.cli import run\nsys.exit(run(['mount', '--demo', {str(tmp_path)!r}]))")
    assert done.returncode == 15
    assert "libfuse3" in done.stderr
    assert "Traceback" not in done.stderr
    assert "snapfs ls" in done.stderr


def test_type_information_is_part_of_the_package():
    assert (PACKAGE / "py.typed").exists()
