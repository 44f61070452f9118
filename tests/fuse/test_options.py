from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import UsageError
from snapfs.fuse.options import MountOptions, parse, split


def _fsname(source: str) -> str:
    return next(o for o in MountOptions().for_kernel(source) if o.startswith("fsname="))[len("fsname=") :]


def test_nothing_said_is_private_and_read_only() -> None:
    options = parse([])
    assert options.modes == (0o400, 0o500)
    assert options.for_kernel("/s") == {"ro", "nosuid", "nodev", "noexec", "default_permissions", "subtype=snapfs", "fsname=/s"}


def test_umask_opens_the_modes() -> None:
    assert parse(["umask=022"]).modes == (0o444, 0o555)
    assert parse(["umask=0277"]).modes == (0o400, 0o500)
    assert parse(["umask=0"]).modes == (0o444, 0o555)


@pytest.mark.parametrize(
    "word", ["rw", "defaults", "noauto", "user", "nofail", "_netdev", "x-systemd.automount", "x-anything=1", "user=joe", "noatime"]
)
def test_words_of_fstab_have_no_effect(word: str) -> None:
    assert parse([word]) == MountOptions()


@pytest.mark.parametrize("word", ["suid", "dev", "exec"])
def test_what_snapfs_never_does_is_accepted_with_a_warning(word: str) -> None:
    options = parse([word])
    assert f"no{word}" in options.warnings[0]
    assert f"no{word}" in options.for_kernel("/s")


@pytest.mark.parametrize("word", ["nonsense", "fsname=x", "uid", "cache=1", "allow_other=1", "blksize=512", "max_read=5"])
def test_unknown_option_is_an_error_that_lists_the_known_ones(word: str) -> None:
    with pytest.raises(UsageError, match="umask=OCTAL"):
        parse([word])
    parse([word], sloppy=True)


@pytest.mark.parametrize(("word", "why"), [("uid", "needs a value"), ("cache=1", "takes no value"), ("uids=1", "not an option")])
def test_option_that_is_known_and_used_wrongly_is_not_called_unknown(word: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"-o {word}: {why}"):
        parse([word])


def test_remount_is_refused_whatever_mount_says_with_it() -> None:
    with pytest.raises(UsageError, match="unmount it and mount it again"):
        parse(["rw,user_id=0,group_id=0,remount"])


@pytest.mark.parametrize("word", ["uid=-1", "uid=x", "gid=4294967295", "umask=9", "umask=1000", "processes=0", "processes=65"])
def test_number_out_of_range_is_an_error(word: str) -> None:
    with pytest.raises(UsageError):
        parse([word])


def test_later_options_win_and_several_o_add_up() -> None:
    options = parse(["uid=1,allow_root", "uid=2", "allow_other,cache,processes=3"])
    assert (options.uid, options.allow, options.cache, options.processes) == (2, "other", True, 3)


def test_comma_behind_a_backslash_belongs_to_the_value() -> None:
    assert split(r"log_file=/a\,b,ro") == ["log_file=/a,b", "ro"]
    assert split(r"x\\,y") == ["x\\", "y"]


def test_hostile_path_is_escaped() -> None:
    assert _fsname(r"/a,suid,dev b\c") == r"/a\,suid\,dev b\\c"


def test_long_path_is_cut_and_no_escape_is_split() -> None:
    name = _fsname("/" + "," * 200)
    assert len(name) == 255
    assert name == "/" + r"\," * 127


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_path_ends_its_option(path: str) -> None:
    name = _fsname("/" + path)
    assert len(os.fsencode(name)) <= 255
    assert split(name) in ([split(name)[0]], [name])
    assert len(split(name)) == 1


def test_bytes_of_a_name_that_is_not_utf8_reach_the_kernel() -> None:
    option = next(o for o in MountOptions().for_kernel(os.fsdecode(b"/\xff\xe4")) if o.startswith("fsname="))
    assert option.encode("us-ascii") == b"fsname=/\xff\xe4"
