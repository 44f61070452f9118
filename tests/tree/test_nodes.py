"""Directories, files and links: walking, failing, and what stands for what failed."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.blob import Data
from snapfs.errors import CorruptState, IsADirectory, NoSuchNode, NotADirectory
from snapfs.tree import Dir, Link
from snapfs.tree.nodes import ImageFile, StreamFile, TextFile, error_file


def text(content):
    return TextFile(lambda: content, lambda: content)


def tree():
    return Dir(
        lambda: [
            ("config", Dir(lambda: [("disks", Dir(lambda: [("0", Dir(lambda: [("path", text("/x\n"))]))]))])),
            ("devices", Dir(lambda: [("_disk0", Dir(lambda: [("config", Link("../../config/disks/0")), ("kind", text("block\n"))]))])),
            ("loop", Link("loop")),
            ("up", Link("..")),
        ]
    )


def test_a_path_is_walked_links_followed():
    top = tree()
    assert (top / "devices/_disk0/config/path").read_text() == "/x\n"
    assert (top / "/devices//_disk0/./kind").read_text() == "block\n"
    assert (top / "devices/_disk0/config/../0/path").read_text() == "/x\n"
    assert (top / "") is top
    assert (top / "up/up/../..") is top


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("config/nets", NoSuchNode, "no nets here; there is disks"),
        ("devices/_disk0/kind/x", NotADirectory, "x is looked for in a file"),
        ("loop", NoSuchNode, "too many links"),
        ("devices/_disk0/config/none", NoSuchNode, "no none here; there is path"),
    ],
)
def test_a_path_that_leads_nowhere_says_which_part_failed(path, error, words):
    with pytest.raises(error, match=words):
        tree() / path


@given(st.text(st.sampled_from("./ab"), max_size=12))
def test_no_path_leads_above_the_top(path):
    top = Dir(lambda: [("a", Dir(lambda: [("b", text("b\n"))])), ("b", Link("a/../../a"))])
    try:
        trail = top.walk(path)
    except (NoSuchNode, NotADirectory):
        return
    assert trail[0] is top


def test_a_directory_that_cannot_be_made_has_an_error_file():
    def fail():
        raise CorruptState("state.json: cut short")

    broken = Dir(fail)
    assert [*broken.children] == ["ERROR"]
    assert (broken / "ERROR").read_text() == "state.json: cut short\n"
    assert broken.to_json() == {"ERROR": "state.json: cut short"}


def test_entries_that_fail_halfway_leave_no_half_of_a_directory():
    def fail():
        yield "first", text("1\n")
        raise CorruptState("the second is broken")

    assert "ERROR" in Dir(fail).children


def test_children_are_made_once_even_by_several_threads():
    made = []
    ready = threading.Barrier(4)

    def entries():
        made.append(1)
        return [("a", text("a\n"))]

    top = Dir(entries)

    def look():
        ready.wait()
        assert [*top.children] == ["a"]

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_file_keeps_its_name_and_raises_when_it_is_read():
    def fail():
        raise CorruptState("value: no number")

    top = Dir(lambda: [("value", TextFile(fail)), ("other", text("1\n"))])
    assert [*top.children] == ["value", "other"]
    with pytest.raises(CorruptState, match="no number"):
        (top / "value").read_text()
    assert (top / "other").read_text() == "1\n"
    assert top.to_json() == {"other": "1\n"}


def test_a_directory_has_no_content():
    with pytest.raises(IsADirectory):
        tree().read_text()


def test_looked_up_names_are_not_listed_and_listed_ones_win():
    top = Dir(lambda: [("listed", text("listed\n"))], lookup=lambda name: text(f"{name}!\n") if name != "no" else None)
    assert [*top.children] == ["listed"]
    assert (top / "listed").read_text() == "listed\n"
    assert (top / "made").read_text() == "made!\n"
    with pytest.raises(NoSuchNode):
        top / "no"


def test_two_of_one_name_both_stand_there():
    top = Dir(lambda: [("a", text("1\n")), ("a", text("2\n"))])
    assert {name: node.read_text() for name, node in top.children.items()} == {"a": "1\n", "a%~2": "2\n"}


def test_sizes_are_those_of_the_content():
    assert text("é\n").size == 3
    assert ImageFile(lambda: Data(b"\0\1")).size == 2
    assert text("\ud800\n").read_bytes() == b"\\ud800\n"
    stream = StreamFile(lambda: iter([b"a\n", b"b\n"]))
    assert (stream.size, stream.read_bytes()) == (0, b"a\nb\n")


def test_a_small_text_is_rendered_once_and_a_large_one_is_not_kept():
    rendered = []

    def render(length):
        rendered.append(length)
        return "x" * length

    for length in (10, 100_000):
        file = TextFile(lambda n=length: render(n))
        assert len(file.read_bytes()) == len(file.read_bytes()) == length
    assert rendered == [10, 100_000, 100_000]


def test_the_json_of_a_directory_leaves_out_what_repeats():
    top = Dir(
        lambda: [
            ("a", text("1")),
            ("a.txt", TextFile(lambda: "a 1\n")),
            ("link", Link("a")),
            ("census", StreamFile(lambda: iter(()))),
            ("image", ImageFile(lambda: Data(b"12"), huge=True)),
            ("bytes", ImageFile(lambda: Data(b"\x0a\xff"))),
        ]
    )
    assert top.to_json() == {"a": "1", "image": {"bytes": 2}, "bytes": "0aff"}


def test_an_error_file_is_a_sentence():
    assert error_file(CorruptState("what; do this")).read_text() == "what; do this\n"
