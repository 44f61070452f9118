"""Tar streams, read back by the standard library and by GNU tar."""

import io
import os
import subprocess
import tarfile
from random import Random

import corpus
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snapfs
from snapfs.blob import Data, Gap, Zeros, concat
from snapfs.errors import AddressError, TruncatedMemory, WriteError
from snapfs.export import select, write_archive, write_tar
from snapfs.tree import Dir, Link, root
from snapfs.tree.nodes import ImageFile, TextFile

MIB = 1 << 20


def quiet(*_):
    pass


def packed(top, name="top", failed=quiet, **options):
    out = io.BytesIO()
    write_tar(select([top, top]), out, name, quiet, failed, **options)
    return out.getvalue()


def one(*parts):
    return Dir(lambda: [("image", ImageFile(lambda: concat(*parts), huge=True))])


def test_a_sparse_member_holds_its_data_only():
    data = packed(one(Zeros(MIB), Data(b"a" * 4096), Zeros(64 * MIB)))
    assert len(data) < 64 * 1024
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.getmember("top/image")
        assert member.size == 65 * MIB + 4096
        assert member.sparse == [(MIB, 4096), (65 * MIB + 4096, 0)]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3000)), max_size=12))
def test_every_pattern_of_holes_comes_back(pattern):
    parts = [Data(bytes([65 + i]) * n) if full else Zeros(n) for i, (full, n) in enumerate(pattern)]
    whole = b"".join(part.pread(0, part.size) for part in parts)
    with tarfile.open(fileobj=io.BytesIO(packed(one(*parts)))) as tar:
        assert tar.extractfile("top/image").read() == whole


def test_gnu_tar_unpacks_every_pattern_of_holes(tmp_path):
    # it reads each region of a sparse member from blocks of its own
    dice = Random(7)
    whole, entries = {}, []
    for number in range(60):
        sizes = [dice.choice((1, 31, 512, 513, dice.randrange(1, 3000), 1024 * dice.randrange(1, 9))) for _ in range(dice.randrange(1, 12))]
        parts = [Data(bytes([65 + i]) * n) if dice.random() < 0.5 else Zeros(n) for i, n in enumerate(sizes)]
        whole[f"image{number}"] = b"".join(part.pread(0, part.size) for part in parts)
        entries.append((f"image{number}", ImageFile(lambda parts=parts: concat(*parts), huge=True)))
    subprocess.run(["tar", "-x", "-C", tmp_path], input=packed(Dir(lambda: entries)), check=True, capture_output=True)
    assert {name: (tmp_path / "top" / name).read_bytes() for name in whole} == whole


def test_gnu_tar_unpacks_the_dumps_of_the_sample(tmp_path):
    with snapfs.open(corpus.demo()) as snap:
        out = io.BytesIO()
        write_tar(select(root(snap).walk("dump"), exclude=("HOWTO",)), out, "dump", quiet, quiet)
        subprocess.run(["tar", "-x", "-C", tmp_path], input=out.getvalue(), check=True, capture_output=True)
        for name in ("vmcore", "gdb-0.core", "gdb-1.core", "memory.lime"):
            assert (tmp_path / "dump" / name).read_bytes() == (root(snap) / f"dump/{name}").read_bytes(), name


def test_gnu_tar_unpacks_the_sample_with_its_holes(tmp_path):
    with snapfs.open(corpus.demo()) as snap:
        out = io.BytesIO()
        write_tar(select(root(snap).walk("raw")), out, "raw", quiet, quiet)
    subprocess.run(["tar", "-x", "-C", tmp_path], input=out.getvalue(), check=True, capture_output=True)
    source, copy = corpus.demo() / "memory-ranges", tmp_path / "raw/memory-ranges"
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_blocks <= source.stat().st_blocks
    assert (tmp_path / "raw/state.json").read_bytes() == (corpus.demo() / "state.json").read_bytes()
    assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns


def test_an_archive_on_disk_is_verified_before_it_gets_its_name(tmp_path, monkeypatch):
    top = Dir(lambda: [("a", TextFile(lambda: "x\n"))])
    write_archive(select([top]), tmp_path / "good.tar", "top", quiet, quiet)
    with tarfile.open(tmp_path / "good.tar") as tar:
        assert tar.getnames() == ["top", "top/a"]
    monkeypatch.setattr(os, "pread", lambda fd, n, at: b"\0" * min(n, 512) if at < 512 else b"")
    with pytest.raises(WriteError, match="reading back"):
        write_archive(select([top]), tmp_path / "bad.tar", "top", quiet, quiet)
    assert os.listdir(tmp_path) == ["good.tar"]


def test_names_of_any_bytes_survive(tmp_path):
    name = b"not\xffutf-8".decode("utf-8", "surrogateescape")
    data = packed(Dir(lambda: [(name, TextFile(lambda: "x\n")), ("long" * 60, TextFile(lambda: "y\n"))]))
    subprocess.run(["tar", "-x", "-C", tmp_path], input=data, check=True)
    assert (tmp_path / "top" / name).read_text() == "x\n"
    assert (tmp_path / "top" / ("long" * 60)).read_text() == "y\n"


def test_a_single_file_is_a_stream_of_one_member():
    out = io.BytesIO()
    write_tar(select([Dir(lambda: ()), TextFile(lambda: "x\n")]), out, "rip", quiet, quiet)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert tar.getnames() == ["rip"]
        assert tar.extractfile("rip").read() == b"x\n"


def test_links_and_modes_are_kept():
    top = Dir(lambda: [("a", TextFile(lambda: "x\n")), ("b", Link("a"))])
    with tarfile.open(fileobj=io.BytesIO(packed(top))) as tar:
        assert [(m.name, m.type, oct(m.mode)) for m in tar] == [("top", b"5", "0o700"), ("top/a", b"0", "0o400"), ("top/b", b"2", "0o777")]
        assert tar.getmember("top/b").linkname == "a"


def test_what_cannot_be_read_is_told_and_left_out():
    def fail():
        raise AddressError("not there")

    top = Dir(lambda: [("bad", TextFile(fail)), ("gap", ImageFile(lambda: Gap(4096, "gone"), huge=True)), ("good", TextFile(lambda: "x"))])
    failures = {}
    data = packed(top, failed=lambda path, error: failures.update({path: error}))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["top", "top/good"]
    assert isinstance(failures["bad"], AddressError)
    assert isinstance(failures["gap"], TruncatedMemory)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_a_gap_is_a_hole_when_asked(size):
    data = packed(one(Data(b"a" * size), Gap(MIB, "gone")), fill_gaps=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.extractfile("top/image").read() == b"a" * size + bytes(MIB)
