"""A snapshot whose state file was cut."""

from pathlib import Path

import pytest
from corpus import FIXTURES, trimmed

import snapfs


@pytest.fixture
def halved(tmp_path: Path) -> Path:
    source = trimmed("v53.0-x86_64-small")
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    state = (FIXTURES / "v53.0-x86_64-small" / "state.json").read_bytes()
    (tmp_path / "state.json").write_bytes(state[: len(state) // 2])
    (tmp_path / "memory-ranges").symlink_to(source / "memory-ranges")
    return tmp_path


def test_what_stands_before_the_cut_reads(halved: Path) -> None:
    with snapfs.open(halved) as snap:
        tree = snapfs.tree.root(snap)
        assert (tree / "vcpus/0/regs/rip").read_text().startswith("0xffffffff")
        assert (tree / "config/cpus/boot_vcpus").read_text() == "2\n"
        assert "missing" in (tree / "state/ERROR").read_text()


def test_memory_without_its_table_is_assumed_only_where_it_can_be_in_one_place(halved: Path) -> None:
    with snapfs.open(halved) as snap:
        assert [(r.start, r.length) for r in snap.memory.ranges] == [(0, 64 << 20)]
        assert any("assumed" in problem for problem in snap.problems)
    (halved / "memory-ranges").unlink()
    (halved / "memory-ranges").write_bytes(bytes(4096))
    with snapfs.open(halved) as snap:
        assert [*(snapfs.tree.root(snap) / "memory").children] == ["ERROR"]


@pytest.mark.parametrize("content", ["[1, 2]", '"text"', "17", "null", "{"])
def test_a_document_that_is_no_object_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    for name in ("config.json", "state.json"):
        (tmp_path / name).write_text(content)
    with snapfs.open(tmp_path) as snap:
        tree = snapfs.tree.root(snap)
        for part in ("config", "state"):
            assert "ERROR" in (tree / part).children
        assert len(snap.problems) >= 2


def test_a_missing_memory_file_is_a_gap_that_says_so(tmp_path: Path) -> None:
    source = trimmed("v53.0-x86_64-small")
    for name in ("config.json", "state.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    with snapfs.open(tmp_path) as snap:
        (gap,) = [g for g in snap.memory.gaps if g.kind == "truncated"]
        assert (gap.start, gap.end) == (0, 64 << 20)
        assert "memory-ranges: not in" in gap.reason
