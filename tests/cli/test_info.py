"""`snapfs info`."""

import json
import os
import shutil

import corpus


def test_one_snapshot_is_a_page(run):
    answer = run("info", "--demo")
    assert answer.code == 0
    assert "architecture: x86_64 under KVM\n" in answer.out
    assert "16 MiB" in answer.out


def test_json_has_the_facts(run):
    assert json.loads(run("info", "--demo", "--json").out)["architecture"] == "x86_64 under KVM"


def test_several_are_a_table_with_a_line_each(run):
    places = [corpus.trimmed(name) for name in corpus.REAL[:3]]
    answer = run("info", *places)
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == ["snapshot", *map(str, places)]
    assert len(json.loads(run("info", "--json", *places).out)) == 3


def test_one_that_is_none_does_not_hide_the_others(run, tmp_path):
    answer = run("info", tmp_path, corpus.demo())
    assert answer.code == 12
    assert str(corpus.demo()) in answer.out
    assert "none of config.json" in answer.err


def test_memory_that_is_cut_short_is_error_14(run, tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "cut")
    (tmp_path / "cut/memory-ranges").chmod(0o600)
    os.truncate(tmp_path / "cut/memory-ranges", 8 << 20)
    answer = run("info", tmp_path / "cut")
    assert answer.code == 14
    assert "8388608 bytes" in answer.out


def test_a_damaged_document_is_error_3(run, tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "s")
    (tmp_path / "s/config.json").chmod(0o600)
    (tmp_path / "s/config.json").write_text("{")
    assert run("info", tmp_path / "s").code == 3


def test_a_directory_of_snapshots_is_a_table(run, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(corpus.demo(), tmp_path / name)
    lines = run("info", tmp_path).out.splitlines()
    assert [line.split()[0] for line in lines] == ["snapshot", str(tmp_path / "one"), str(tmp_path / "two")]
