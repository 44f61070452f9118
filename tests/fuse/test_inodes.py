from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import NoSuchNode, NotADirectory
from snapfs.fuse.inodes import ROOT, InodeTable, number
from snapfs.tree import Dir
from snapfs.tree.nodes import TextFile


def _tree() -> Dir:
    made = Dir(lambda: (), lookup=lambda name: TextFile(lambda: name) if name.isdecimal() else None)
    return Dir(lambda: [("a", Dir(lambda: [("x", TextFile(lambda: "1\n"))])), ("b", TextFile(lambda: "2\n")), ("at", made)])


def test_number_is_the_same_in_every_table_and_another_at_another_place() -> None:
    one, two = InodeTable(_tree()), InodeTable(_tree())
    a1, a2 = one.child(one[ROOT], "a"), two.child(two[ROOT], "a")
    assert a1 is not None
    assert a2 is not None
    assert a1.ino == a2.ino == number(ROOT, "a")
    assert number(a1.ino, "b") != number(ROOT, "b")


@given(st.integers(0, (1 << 63) - 1), st.text())
def test_number_is_never_zero_or_the_root_and_fits_a_signed_integer(parent: int, name: str) -> None:
    assert ROOT < number(parent, name.encode("utf-8", "replace").decode()) < 1 << 63


def test_path_is_for_messages() -> None:
    table = InodeTable(_tree())
    a = table.child(table[ROOT], "a")
    assert a is not None
    x = table.child(a, "x")
    assert x is not None
    assert x.path == "a/x"
    assert table[ROOT].path == "/"


def test_child_of_a_file_is_an_error_and_an_unknown_name_is_none() -> None:
    table = InodeTable(_tree())
    b = table.child(table[ROOT], "b")
    assert b is not None
    with pytest.raises(NotADirectory):
        table.child(b, "x")
    assert table.child(table[ROOT], "nothing") is None


def test_entry_lives_until_all_references_are_given_up() -> None:
    table = InodeTable(_tree())
    b = table.child(table[ROOT], "b")
    assert b is not None
    table.count(b)
    table.count(b)
    assert not table.forget(b.ino, 1)
    assert table[b.ino] is b
    assert table.forget(b.ino, 1)
    with pytest.raises(NoSuchNode):
        table[b.ino]


def test_two_look_ups_at_once_of_one_name_are_both_counted() -> None:
    table = InodeTable(_tree())
    root = table[ROOT]
    name = next(iter(_tree().children))
    one, other = table.child(root, name), table.child(root, name)
    assert one is not None
    assert other is not None
    table.count(one)
    table.count(other)
    assert not table.forget(one.ino, 1)
    assert table[one.ino] is one
    assert table.forget(one.ino, 1)


def test_root_is_never_forgotten() -> None:
    table = InodeTable(_tree())
    assert not table.forget(ROOT, 1 << 20)
    assert table[ROOT].ino == ROOT


def test_names_made_on_look_up_leave_nothing_behind() -> None:
    table = InodeTable(_tree())
    at = table.child(table[ROOT], "at")
    assert at is not None
    table.count(at)
    before = len(table)
    for n in range(1000):
        entry = table.child(at, str(n))
        assert entry is not None
        table.count(entry)
        table.forget(entry.ino, 1)
    assert len(table) == before


def test_node_of_a_counted_name_is_made_once() -> None:
    table = InodeTable(_tree())
    at = table.child(table[ROOT], "at")
    assert at is not None
    first = table.child(at, "7")
    assert first is not None
    table.count(first)
    assert table.child(at, "7") is first


def test_time_is_that_of_the_nearest_directory_that_has_one() -> None:
    inner = Dir(lambda: [("x", TextFile(lambda: "1\n"))])
    table = InodeTable(Dir(lambda: [("a", inner.dated(5))]))
    a = table.child(table[ROOT], "a")
    assert a is not None
    x = table.child(a, "x")
    assert x is not None
    assert (table[ROOT].mtime_ns, a.mtime_ns, x.mtime_ns) == (None, 5, 5)
