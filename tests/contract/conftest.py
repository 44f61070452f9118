"""The doors through which a tree is looked at: the API, an exported directory, a tar stream, a mount."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import corpus
import pytest
from mounted import mounted

import snapfs
from snapfs.errors import SnapfsError
from snapfs.export import select, write_directory, write_tar
from snapfs.snapshot import Snapshot
from snapfs.tree import Dir, File, Link, Node, root

DOORS = ("tree", "directory", "tar", "mount")
# the sample, and one snapshot per way of wrapping state and per architecture
SNAPSHOTS = ("demo", "v16.0-x86_64-small", "v38.0-aarch64-linux", "v53.0-x86_64-small")


@dataclass
class View:
    """A snapshot as one door shows it. Files whose content is an image of memory, or is computed while it is read, are in `large`."""

    snap: Snapshot
    door: str
    directories: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    contents: dict[str, bytes | None] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)

    def text(self, path: str) -> str:
        """What `cat` prints."""
        content = self.contents[path]
        assert content is not None, f"{path} cannot be read"
        return content.decode()


def _large(node: Node) -> bool:
    return isinstance(node, File) and (node.huge or node.streamed)


def _through_tree(view: View, node: Dir, path: str = "") -> None:
    for name, child in node.children.items():
        below = f"{path}{name}"
        if isinstance(child, Dir):
            view.directories.add(below)
            _through_tree(view, child, f"{below}/")
        elif isinstance(child, Link):
            view.links[below] = child.target
        elif _large(child):
            view.large.add(below)
        else:
            assert isinstance(child, File)
            try:
                view.contents[below] = child.read_bytes()
                view.sizes[below] = child.size
            except SnapfsError:
                view.contents[below] = None


def _through_directory(view: View, place: Path, large: set[str]) -> None:
    for at, directories, files in os.walk(place):
        for name in directories + files:
            path = Path(at) / name
            below = str(path.relative_to(place))
            if path.is_symlink():
                view.links[below] = os.readlink(path)
            elif name in directories:
                view.directories.add(below)
            elif below in large:
                view.large.add(below)
            elif below != "LOG":  # of the mount alone
                view.sizes[below] = path.stat().st_size
                try:
                    view.contents[below] = path.read_bytes()
                except OSError:
                    view.contents[below] = None


def _through_tar(view: View, stream: bytes, large: set[str]) -> None:
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        for member in tar:
            below = member.name.partition("/")[2]
            if member.issym():
                view.links[below] = member.linkname
            elif member.isdir():
                view.directories.update({below} - {""})
            elif below in large:
                view.large.add(below)
            else:
                view.sizes[below] = member.size
                content = tar.extractfile(member)
                assert content is not None
                view.contents[below] = content.read()


def _quiet(*_: object) -> None:
    pass


@pytest.fixture(scope="module", params=SNAPSHOTS)
def opened(request: pytest.FixtureRequest) -> Iterator[View]:
    """A snapshot as the API shows it."""
    path = corpus.demo() if request.param == "demo" else corpus.trimmed(request.param)
    with snapfs.open(path) as snap:
        view = View(snap, "tree")
        _through_tree(view, root(snap))
        yield view


@pytest.fixture(scope="module", params=DOORS)
def view(opened: View, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """The same through each door."""
    if request.param == "tree":
        yield opened
        return
    found = View(opened.snap, request.param)
    place = tmp_path_factory.mktemp("door") / "top"
    top = root(opened.snap)
    with contextlib.ExitStack() as stack:
        if request.param == "directory":
            write_directory(select([top]), place, _quiet, _quiet)
            _through_directory(found, place, opened.large)
        elif request.param == "tar":
            out = io.BytesIO()
            write_tar(select([top], exclude=("raw/memory-*",)), out, "top", _quiet, _quiet)
            _through_tar(found, out.getvalue(), opened.large)
        else:
            if not os.path.exists("/dev/fuse"):
                pytest.skip("there is no /dev/fuse on this machine")
            stack.enter_context(mounted(opened.snap.source.path, at=place))
            _through_directory(found, place, opened.large)
        yield found
