"""`ls`, `cat` and `tree`, on the sample, whose facts come from its guest's own ELF file and serial line."""

import json
import os
import pty
import shutil
import subprocess
import sys
from shlex import quote

import commands
import corpus
import pytest

REGISTERS = corpus.truth("demo")["vcpus"]["1"]["gprs"]


def test_cat_prints_a_register_as_the_guest_had_loaded_it(run):
    for name, value in REGISTERS.items():
        assert run("cat", "--demo", f"vcpus/1/regs/{name}") == commands.Answer(0, value + "\n", "")


def test_a_path_may_be_written_in_any_way_that_leads_there(run):
    for path in ("/vcpus/1/regs/rax", "vcpus//1/./regs/rax", "vcpus/0/../1/regs/rax"):
        assert run("cat", "--demo", path).out == REGISTERS["rax"] + "\n"


def test_a_snapshot_is_named_by_its_directory(run):
    assert run("cat", corpus.demo(), "vcpus/1/regs/r15").out == "0xffffaaaa0000000f\n"


def test_json_of_a_file_is_its_value(run):
    assert json.loads(run("cat", "--demo", "--json", "vcpus/1/regs/r15").out) == "0xffffaaaa0000000f"
    assert json.loads(run("--json", "cat", "--demo", "config/cpus/boot_vcpus").out) == 2


def test_json_of_a_directory_has_every_value(run):
    found = json.loads(run("cat", "--demo", "vcpus/1/regs", "--json").out)
    assert {name: found[name] for name in REGISTERS} == REGISTERS


def test_json_of_several_paths_goes_by_path(run):
    found = json.loads(run("cat", "--demo", "--json", "vcpus/1/regs/rax", "config/cpus/boot_vcpus").out)
    assert found == {"vcpus/1/regs/rax": "0x1111aaaa00000001", "config/cpus/boot_vcpus": 2}


@pytest.mark.parametrize("path", ["config", "vcpus", "state", "memory"])
def test_json_of_any_directory_can_be_parsed(run, path):
    answer = run("cat", "--demo", "--json", path)
    assert answer.code == 0
    assert json.loads(answer.out)


def test_config_as_json_is_the_configuration_file(run):
    found = json.loads(run("cat", "--demo", "--json", "config").out)
    original = json.loads((corpus.demo() / "config.json").read_text())

    def holds(whole, part):
        if isinstance(part, dict):
            return all(holds(whole[key], value) for key, value in part.items())
        if isinstance(part, list):
            return len(whole) == len(part) and all(map(holds, whole, part))
        return whole == part

    assert holds(found, original)  # and nulls that the release left out


def test_a_mistyped_path_is_answered_with_the_nearest_name(run):
    answer = run("cat", "--demo", "vcpus/1/regs/riip")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "snapfs: vcpus/1/regs/riip: no riip here; did you mean rip?\n"


def test_a_directory_is_no_file_and_the_answer_names_its_table(run):
    answer = run("cat", "--demo", "vcpus/1/regs")
    assert (answer.code, answer.out) == (2, "")
    assert "vcpus/1/regs.txt" in answer.err
    assert "--json" in answer.err


def test_what_fails_does_not_keep_the_rest_from_being_printed(run):
    answer = run("cat", "--demo", "vcpus/1/regs/rax", "nothing/here", "vcpus/1/regs/rbx")
    assert (answer.code, answer.out) == (2, "0x1111aaaa00000001\n0x2222aaaa00000002\n")
    assert answer.err.startswith("snapfs: nothing/here: no nothing here")


def test_memory_that_is_missing_is_an_error_behind_what_there_is(run, tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "cut")
    (tmp_path / "cut/memory-ranges").chmod(0o600)
    os.truncate(tmp_path / "cut/memory-ranges", 8 << 20)
    result = commands.program("cat", tmp_path / "cut", "memory/physical")
    assert result.returncode == 3
    assert result.stdout == (corpus.demo() / "memory-ranges").read_bytes()[: 8 << 20]
    assert b"8388608 bytes of range" in result.stderr


def test_bytes_come_out_as_they_are():
    command = corpus.truth("demo")["cmdline"]
    result = commands.program("cat", "--demo", f"memory/at/{command['pa']}+{len(command['text'])}")
    assert result.stdout == command["text"].encode()


def test_ls_prints_one_name_per_line_where_nobody_looks(run):
    assert run("ls", "--demo", "vcpus/1/regs").out.splitlines()[:3] == ["rax", "rbx", "rcx"]
    assert "vcpus" in run("ls", "--demo").out.splitlines()


def test_ls_of_several_directories_names_them(run):
    assert run("ls", "--demo", "memory/zones", "memory/at").out == "memory/zones:\nmem0\n\nmemory/at:\n"


def test_ls_as_json_tells_kind_and_size(run):
    found = {e["name"]: e for e in json.loads(run("ls", "--demo", "--json", "raw").out)}
    assert found["memory-ranges"] == {"name": "memory-ranges", "kind": "file", "size": 16777216}


def test_ls_long_has_sizes(run):
    assert any(
        line.split()[1] == "16777216" and line.endswith(" memory-ranges") for line in run("ls", "--demo", "-l", "raw").out.splitlines()
    )


def test_a_directory_of_snapshots_is_one_level_more(run, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(corpus.demo(), tmp_path / name)
    assert run("ls", tmp_path).out == "one\ntwo\nlatest\n"
    assert run("cat", tmp_path, "two/vcpus/1/regs/rax").out == "0x1111aaaa00000001\n"
    answer = run("diff", tmp_path, "--demo")
    assert answer.code == 12
    assert "name one of them: one, two" in answer.err


def test_d_is_no_debug_where_it_is_an_option_of_its_own(run):
    answer = run("tree", "-d", "--demo", "nowhere")
    assert (answer.code, answer.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "code"), [(("cat", "--demo", "nowhere"), 2), (("info", "/nowhere"), 11), (("mount", "--demo", "/proc/x"), 10)]
)
def test_debug_shows_where_an_error_comes_from_and_changes_no_exit_code(run, arguments, code):
    plain, debugged = run(*arguments), run("--debug", *arguments)
    assert (plain.code, debugged.code) == (code, code)
    assert debugged.err.startswith("Traceback")
    assert debugged.err.endswith(plain.err)


def test_work_is_shown_on_a_terminal_only(run):
    assert run("cat", "--demo", "memory/pages.txt").err == ""
    # the bar is taken back at the end
    assert "memory/pages.txt" in on_terminal("cat", "--demo", "memory/pages.txt", stdout=subprocess.DEVNULL)
    assert on_terminal("-q", "cat", "--demo", "memory/pages.txt", stdout=subprocess.DEVNULL) == ""


def test_tree_draws_lines_and_values(run):
    lines = run("tree", "--demo", "-c", "vcpus/1/regs").out.splitlines()
    assert lines[:2] == ["vcpus/1/regs", "├── rax: 0x1111aaaa00000001"]
    assert any(line.startswith("└── ") for line in lines)


def test_tree_stops_at_a_level(run):
    assert run("tree", "--demo", "-L", "1", "memory/zones").out == "memory/zones\n└── mem0\n"
    assert run("tree", "--demo", "-d", "memory/zones").out == "memory/zones\n└── mem0\n"


def test_tree_as_json_nests(run):
    found = json.loads(run("tree", "--demo", "--json", "-L", "1", "memory/zones").out)
    assert found == {"name": "memory/zones", "kind": "directory", "children": [{"name": "mem0", "kind": "directory"}]}


@pytest.mark.parametrize("encoding", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_locale_without_lines_gets_ascii(encoding):
    result = commands.program("tree", "--demo", "-L", "1", "memory/zones", env=encoding)
    assert result.stdout == b"memory/zones\n`-- mem0\n"


def test_a_value_that_the_locale_cannot_say_is_escaped(tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "s")
    (tmp_path / "s/config.json").chmod(0o600)
    (tmp_path / "s/config.json").write_text('{"odd": {"naïve ☃": 1}}')
    result = commands.program("ls", tmp_path / "s", "config/odd", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert (result.returncode, result.stdout) == (0, b"na\\u00efve \\u2603\n")
    result = commands.program(
        "tree", tmp_path / "s", "--json", "config/odd", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    )
    assert json.loads(result.stdout)["children"][0]["name"] == "naïve ☃"


def test_a_snapshot_whose_name_is_no_text_opens_and_is_named_in_errors(tmp_path):
    place = tmp_path / os.fsdecode(b"\xff\xfe")
    shutil.copytree(corpus.demo(), place)
    assert commands.program("cat", place, "vcpus/1/regs/rax").stdout == b"0x1111aaaa00000001\n"
    (tmp_path / os.fsdecode(b"empty\xff")).mkdir()
    result = commands.program("ls", tmp_path / os.fsdecode(b"empty\xff"))
    assert result.returncode == 12
    assert b"none of config.json" in result.stderr


def test_a_reader_that_has_had_enough_is_no_error():
    script = f"{quote(sys.executable)} -m snapfs tree --demo | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY)}
    )
    assert (result.returncode, result.stdout, result.stderr) == (141, ".\n", "")


def test_a_full_disk_behind_stdout_is_a_sentence():
    with open("/dev/full", "wb") as full:
        result = commands.program("cat", "--demo", "state.txt", stdout=full)
    assert result.returncode == 4
    assert result.stderr == b"snapfs: state.txt: standard output: No space left on device\n"


def test_help_meets_a_full_disk_and_a_reader_that_has_gone_like_everything_else():
    for args in (("-h",), ("mount", "-h"), ("--version",)):
        with open("/dev/full", "wb") as full:
            result = commands.program(*args, stdout=full)
        assert (result.returncode, result.stderr) == (4, b"snapfs: standard output: No space left on device\n")
        read, write = os.pipe()
        os.close(read)
        result = commands.program(*args, stdout=write)
        os.close(write)
        assert (result.returncode, result.stderr) == (141, b"")


def test_a_closed_stdout_is_a_sentence():
    result = subprocess.run(
        ["bash", "-c", f"{quote(sys.executable)} -m snapfs ls --demo >&-"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY)},
    )
    assert result.returncode == 4
    assert result.stderr.startswith(b"snapfs: ")
    assert b"Traceback" not in result.stderr


def on_terminal(*args: object, columns: int = 80, stdout: int | None = None, **env: str) -> str:
    """What a command prints on a terminal of its own; with `stdout` only what it says on stderr."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    child = subprocess.Popen(
        [sys.executable, "-m", "snapfs", *map(str, args)],
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        env={**environ, "PYTHONPATH": str(commands.REPOSITORY), "TERM": "xterm", **env},
    )
    os.close(slave)
    found = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        found += piece
    os.close(master)
    assert child.wait() == 0
    return found.decode().replace("\r\n", "\n")


def test_a_terminal_gets_columns_slashes_and_colours():
    found = on_terminal("ls", "--demo", "memory", columns=60)
    assert "\x1b[34m\x1b[1mranges\x1b[0m/" in found
    assert found.count("\n") > 1
    assert all(len(line) < 120 for line in found.splitlines())


@pytest.mark.parametrize(("args", "env"), [(("--color", "never"), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})])
def test_nobody_gets_colours_who_does_not_want_them(args, env):
    assert "\x1b[" not in on_terminal("ls", "--demo", *args, **env)


def test_colours_can_be_asked_for(run):
    colored = run("ls", "--demo", "--color", "always").out
    assert "\x1b[34m" in colored
    assert "README" in colored.splitlines()


def test_a_very_wide_terminal_holds_everything_on_one_line():
    assert on_terminal("ls", "--demo", "vcpus/1/regs", columns=5000).count("\n") == 1


def test_a_snapshot_cannot_write_to_the_terminal(tmp_path):
    shutil.copytree(corpus.demo(), tmp_path / "s")
    (tmp_path / "s/\x1b]0;title\x07").write_text("x")
    found = on_terminal("ls", tmp_path / "s", "raw", "--color", "never")
    assert "\x1b" not in found
    assert "\x07" not in found


def test_help_fits_on_a_screen(run):
    from snapfs.cli import COMMANDS

    for command in ((), *((name,) for name in COMMANDS)):
        answer = run(*command, "-h")
        assert answer.code == 0
        assert len(answer.out.splitlines()) <= 24, command


def test_the_list_of_commands_is_not_cut_short(run):
    assert "..." not in run("-h").out.partition("Commands:")[2]


def test_a_missing_snapshot_is_asked_for_with_the_way_out(run):
    answer = run("cat")
    assert answer.code == 1
    assert "--demo" in answer.err


def test_a_mistyped_command_is_answered_with_the_nearest(run):
    answer = run("catt", "--demo", "x")
    assert answer.code == 1
    assert "did you mean cat?" in answer.err
