"""Values as nodes, by their shape alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.blob import Blob, Data
from snapfs.errors import CorruptState, SnapfsError
from snapfs.layout import Array, Bytes, Choice, Facets, Flags, Hex, Record, facet, hex16, hex64, u8, u32
from snapfs.snapshot.model import Model
from snapfs.tree import Dir, File, names
from snapfs.tree.reflect import Text, entries, entry, facets, plain, rows
from snapfs.tree.tables import table

CR0 = Flags(64, names={0: "PE", 31: "PG"})


class Segment(Record, size=10):
    base: hex64
    selector: hex16


class Sregs(Record, size=30):
    cs: Segment
    cr0: Annotated[int, *hex64.__metadata__[:1], CR0]
    vectors: Annotated[tuple[int, ...], Array(u8, 4)]
    padding: Annotated[bytes, Bytes(8)]


SREGS = Sregs.decode(bytes.fromhex("8877665544332211 1000 0100008000000000 01020304 00112233445566ff"))


def shown(node):
    """A tree as nested dicts of texts."""
    if isinstance(node, Dir):
        return {name: shown(child) for name, child in node.children.items()}
    return node.read_text()


def test_a_record_is_a_directory_and_its_table_says_the_same():
    assert shown(entry(SREGS)) == {
        "cs": {"base": "0x1122334455667788\n", "selector": "0x0010\n"},
        "cr0": "0x0000000080000001\n",
        "cr0.flags": "PE PG\n",
        "vectors": "1\n2\n3\n4\n",
        "padding": "00112233445566ff\n",
    }
    assert table(rows(SREGS)) == (
        "cs.base     0x1122334455667788\n"
        "cs.selector 0x0010\n"
        "cr0         0x0000000080000001 PE PG\n"
        "vectors     [1, 2, 3, 4]\n"
        "padding     00112233445566ff\n"
    )
    assert plain(SREGS) == {
        "cs": {"base": "0x1122334455667788", "selector": "0x0010"},
        "cr0": "0x0000000080000001",
        "vectors": [1, 2, 3, 4],
        "padding": "00112233445566ff",
    }


def test_json_values_mirror_the_file():
    value = {"null": None, "yes": True, "n": 7, "s": "a b", "list": [1, 2], "things": [{"a": 1}, {}], "none": [], "empty": {}}
    assert shown(entry(value)) == {
        "null": "null\n",
        "yes": "true\n",
        "n": "7\n",
        "s": "a b\n",
        "list": "1\n2\n",
        "things": {"0": {"a": "1\n"}, "1": {}},
        "none": "",
        "empty": {},
    }
    assert plain(value) == value
    assert [*rows(value)] == [
        ("null", "null", ""),
        ("yes", "true", ""),
        ("n", "7", ""),
        ("s", '"a b"', ""),
        ("list", "[1, 2]", ""),
        ("things.0.a", "1", ""),
        ("things.1", "{}", ""),
        ("none", "[]", ""),
        ("empty", "{}", ""),
    ]


class Pair(NamedTuple):
    left: hex16
    right: int


@dataclass(frozen=True)
class Shape:
    state: Annotated[int, Choice({1: "HALTED"})]
    masks: Annotated[tuple[int, ...], Hex(8)]


class Disk(Model):
    path: str
    readonly: bool = False
    later: int | None = None


class Registers(dict):
    def form_of(self, key):
        return Hex(32) if key == "wide" else Hex(8)


def test_models_tuples_and_dataclasses_are_directories_too():
    assert shown(entry(Pair(1, 2))) == {"left": "0x0001\n", "right": "2\n"}
    assert shown(entry(Shape(1, (1, 255)))) == {"state": "1\n", "state.name": "HALTED\n", "masks": "0x01\n0xff\n"}
    assert shown(entry(Disk.read({"path": "/d", "new": [1]}, "disks/0"))) == {"path": "/d\n", "readonly": "false\n", "new": "1\n"}


def test_a_mapping_gives_each_entry_its_own_form():
    assert shown(entry(Registers(wide=1, narrow=1))) == {"wide": "0x00000001\n", "narrow": "0x01\n"}


def test_a_blob_is_bytes_and_a_text_stands_as_it_is():
    assert entry(Data(b"\0\n")).read_bytes() == b"\0\n"
    assert entry(Text("a\nb\n")).read_text() == "a\nb\n"


class Machine(Facets):
    rest: Mapping[str, object] = {"new leaf": 5, "new/things": {"a": 1}}

    @facet()
    def regs(self) -> Sregs:
        return SREGS

    @facet()
    def broken(self) -> Sregs:
        raise CorruptState("broken: 3 bytes where 30 are needed")

    @facet()
    def apic(self) -> Annotated[int, CR0]:
        return 1

    @facet()
    def bad_scalar(self) -> u32:
        raise CorruptState("bad_scalar: a text")

    @facet("notes.txt")
    def notes(self) -> Text:
        return Text("all well\n")

    @facet()
    def image(self) -> Blob:
        return Data(b"\1")

    @facet()
    def inner(self) -> "Inner":
        return Inner()


class Inner(Facets):
    @facet()
    def number(self) -> int | None:
        return None


def test_facets_are_directories_with_tables_and_fail_alone():
    top = Dir(lambda: facets(Machine()))
    assert [*top.children] == [
        *("regs", "regs.txt", "broken", "broken.txt", "apic", "apic.flags", "bad_scalar", "notes.txt", "image", "inner", "inner.txt"),
        *("new leaf", "new%2Fthings", "new%2Fthings.txt"),
    ]
    assert (top / "regs/cs/base").read_text() == "0x1122334455667788\n"
    assert (top / "regs.txt").read_text().startswith("cs.base")
    assert shown(top / "broken") == {"ERROR": "broken: 3 bytes where 30 are needed\n"}
    for name in ("broken.txt", "bad_scalar"):
        with pytest.raises(CorruptState):
            (top / name).read_text()
    assert (top / "apic.flags").read_text() == "PE\n"
    assert (top / "notes.txt").read_text() == "all well\n"
    assert (top / "image").read_bytes() == b"\1"
    assert shown(top / "inner") == {"number": "null\n"}
    assert (top / "new leaf").read_text() == "5\n"
    assert (top / "new%2Fthings.txt").read_text() == "a 1\n"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters())
DOCUMENTS = st.recursive(
    SCALARS, lambda s: st.lists(s, max_size=4) | st.dictionaries(st.text(st.characters()), s, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(st.characters()), DOCUMENTS, max_size=5))
def test_every_leaf_of_any_json_is_a_file_and_a_line(document):
    top = entry(document)

    def check(value, node):
        if isinstance(value, dict):
            assert isinstance(node, Dir)
            assert len(node.children) == len(value)
            for key, part in value.items():
                check(part, node.children[names.escape(key)])
        elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
            assert isinstance(node, Dir)
            for i, part in enumerate(value):
                check(part, node.children[str(i)])
        else:
            assert isinstance(node, File)
            assert node.size == len(node.read_bytes())
            assert value == [] or node.read_bytes().endswith(b"\n")
            assert node.to_json() == value

    check(document, top)
    assert top.to_json() == document
    for name, value, _ in rows(document):
        assert "\n" not in name + value
        assert " " not in name


@given(DOCUMENTS)
def test_nothing_but_an_error_of_snapfs_comes_out_of_any_value(value):
    pending = [entry(value)]
    while pending:
        node = pending.pop()
        if isinstance(node, Dir):
            pending.extend(node.children.values())
        else:
            try:
                node.read_bytes()
            except SnapfsError:
                raise AssertionError("a JSON value always reads") from None


def test_a_table_beside_the_longest_name_has_a_name_too():
    class Long(Facets):
        rest: Mapping[str, object] = {"k" * 255: {"a": 1}}

    name, beside = Dir(lambda: facets(Long())).children
    assert name == "k" * 255
    assert len(beside) == 218


def test_a_directory_lists_without_reading():
    def entries_of():
        yield from entries({"a": 1})

    assert [*Dir(entries_of).children] == ["a"]
