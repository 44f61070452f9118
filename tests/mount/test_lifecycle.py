from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import corpus
import pytest
from mounted import PATIENCE, becomes, ended, mounted, mounts_below, requires_fuse, run, server

pytestmark = requires_fuse


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_unmounts_and_the_process_ends(number: int, tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    os.kill(pid, number)
    assert becomes(lambda: ended(pid))
    assert mounts_below(tmp_path) == []
    assert not at.exists()


# signals as a terminal has them: whoever runs the tests in the background, or under nohup(1), has some of them ignored
_BEGUN = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
print("!", end="", flush=True)
runpy.run_module("snapfs", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("where", "number"), [(["-f"], signal.SIGINT), (["-f"], signal.SIGHUP), ([], signal.SIGINT), ([], signal.SIGTERM)])
def test_signal_during_the_start_leaves_nothing(where: list[str], number: int, tmp_path: Path) -> None:
    at = tmp_path / "m"
    begun = time.monotonic()
    with mounted("--demo", at=at):
        whole = time.monotonic() - begun
    for step in range(5):
        # a session of its own: what is left behind is found by it
        command = [sys.executable, "-c", _BEGUN, "mount", *where, "--demo", str(at)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout
            assert process.stdout.read(1) == b"!"  # before, a signal is the interpreter's
            time.sleep(whole * (step + 2) / 8)
            process.send_signal(number)
            try:
                code = process.wait(60)
            finally:
                process.kill()  # one that does not end must fail the test, not hold it up
        if code == 0 and not where:  # it had been mounted before the signal
            assert run("umount", at).returncode == 0
        assert code in (0, 128 + number, -number)
        assert mounts_below(tmp_path) == []
        assert code == -number or not at.exists()
        if at.exists():
            at.rmdir()  # died before there was anybody to clear up


def test_second_signal_detaches_a_busy_mount_and_open_files_can_still_be_read(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    with (at / "memory/physical").open("rb", buffering=0) as file:
        os.kill(pid, signal.SIGTERM)
        assert becomes(lambda: "in use by" in (at / "LOG").read_text())
        assert mounts_below(tmp_path) == [str(at)]
        os.kill(pid, signal.SIGTERM)
        assert becomes(lambda: not mounts_below(tmp_path))
        assert not becomes(lambda: ended(pid), 1.2)  # longer than the pause between two attempts to unmount
        assert len(file.read(1 << 20)) == 1 << 20
    assert becomes(lambda: ended(pid))


def test_busy_mount_is_unmounted_when_it_gets_free(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    with (at / "README").open("rb"):
        os.kill(pid, signal.SIGTERM)
        assert not becomes(lambda: ended(pid), 0.5)
    assert becomes(lambda: ended(pid))
    assert mounts_below(tmp_path) == []


def test_usr1_writes_tasks_and_counters_to_the_log(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        (at / "README").read_bytes()
        os.kill(server(at), signal.SIGUSR1)
        assert becomes(lambda: "counters: lookup=" in (at / "LOG").read_text())
        assert becomes(lambda: "task " in (at / "LOG").read_text())


def test_mount_point_is_made_and_removed_and_only_its_last_component(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with mounted("--demo", at=tmp_path / "old"):
        pass
    assert (tmp_path / "old").is_dir()
    done = run("mount", "--demo", tmp_path / "a/b")
    assert (done.returncode, mounts_below(tmp_path)) == (10, [])
    assert "only the last directory is made" in done.stderr
    assert not (tmp_path / "a").exists()


def killed(at: Path) -> Path:
    """A mount whose process was killed."""
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    os.kill(pid, signal.SIGKILL)
    assert becomes(lambda: ended(pid))
    return at


def test_killed_daemon_leaves_a_mount_that_is_explained_and_can_be_cleared(tmp_path: Path) -> None:
    at = killed(tmp_path / "m")
    again = run("mount", "--demo", at)
    assert again.returncode == 10
    assert "transport endpoint is not connected" in again.stderr
    assert f"snapfs umount {at}" in again.stderr
    assert run("umount", at).returncode == 0
    assert mounts_below(tmp_path) == []


def test_path_in_the_mount_of_a_killed_daemon_is_explained_by_that_mount(tmp_path: Path) -> None:
    at = killed(tmp_path / "m")
    done = run("mount", "--demo", at / "vcpus")
    assert done.returncode == 10
    assert f"run `snapfs umount {at}` first" in done.stderr
    done = run("info", at)
    assert done.returncode == 11
    assert "unmount it and mount it again" in done.stderr
    assert run("umount", at).returncode == 0


def test_umount_of_a_busy_mount_says_who_holds_it(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        with subprocess.Popen(["sleep", "60"], cwd=at / "vcpus") as sleeper:
            done = run("umount", "--timeout", "0.3", at)
            sleeper.kill()
        assert done.returncode == 16
        assert f"the working directory of sleep ({sleeper.pid})" in done.stderr
        assert "--lazy" in done.stderr
        assert "Traceback" not in done.stderr


def test_umount_names_the_mount_that_lies_in_it(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        with mounted("--demo", at=at / "vcpus"):
            done = run("umount", "--timeout", "0", at)
            assert done.returncode == 16
            assert f"{at}/vcpus is mounted in it; unmount that first" in done.stderr
        assert (at / "vcpus/0/regs/rip").read_text().startswith("0x")


def test_umount_tries_again_until_the_mount_is_free(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    with subprocess.Popen(["sleep", "0.7"], cwd=at):
        assert run("umount", at).returncode == 0
    assert mounts_below(tmp_path) == []


def test_umount_of_what_is_not_mounted(tmp_path: Path) -> None:
    done = run("umount", tmp_path)
    assert done.returncode == 10
    assert "nothing is mounted here" in done.stderr
    done = run("umount", "/proc")
    assert done.returncode == 10
    assert "not snapfs" in done.stderr


@pytest.mark.parametrize("command", [["umount"], ["umount", "-l"], ["fusermount3", "-u"], ["fusermount3", "-u", "-z"]])
def test_system_unmounts_end_the_process_too(command: list[str], tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    subprocess.run([*command, str(at)], check=True)
    assert becomes(lambda: ended(pid))
    assert mounts_below(tmp_path) == []


def test_lazy_unmount_while_a_reader_reads(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    read = """
import sys
file = open(sys.argv[1], "rb", 0)
for number in range(200):
    file.seek(0)
    assert len(file.read(1 << 20)) == 1 << 20
    if not number:
        print("reading", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", read, str(at / "memory/physical")], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        assert run("umount", "--lazy", at).returncode == 0
        assert reader.wait(PATIENCE) == 0
    assert becomes(lambda: ended(pid))


def test_connection_cut_by_force_leaves_nothing(tmp_path: Path) -> None:
    at = tmp_path / "m"
    assert run("mount", "--demo", at).returncode == 0
    pid = server(at)
    abort = Path(f"/sys/fs/fuse/connections/{os.minor(at.stat().st_dev)}/abort")
    if not abort.exists():
        subprocess.run(["umount", at], check=True)
        pytest.skip("the fusectl file system is not mounted on /sys/fs/fuse/connections")
    abort.write_text("1")
    assert becomes(lambda: ended(pid))
    assert mounts_below(tmp_path) == []


def test_two_mounts_of_one_snapshot(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "a") as a, mounted("--demo", at=tmp_path / "b") as b:
        assert (a / "vcpus/0/regs.txt").read_text() == (b / "vcpus/0/regs.txt").read_text()
        assert server(a) != server(b)


def test_foreground_announces_itself_and_ends_with_zero(tmp_path: Path) -> None:
    at, pid_file, log_file = tmp_path / "m", tmp_path / "pid", tmp_path / "log"
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(PATIENCE)
    out, into = os.pipe()
    command = [sys.executable, "-m", "snapfs", "mount", "-f", "--demo", str(at)]
    command += ["--ready-fd", str(into), "--pid-file", str(pid_file), "--log-file", str(log_file)]
    with notify, subprocess.Popen(command, pass_fds=[into], env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}) as process:
        os.close(into)
        with os.fdopen(out) as ready:
            assert ready.read() == "ready\n"
        assert (at / "README").exists()
        assert int(pid_file.read_text()) == process.pid
        assert notify.recv(200) == f"READY=1\nMAINPID={process.pid}".encode()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert notify.recv(200) == b"STOPPING=1"
    assert not pid_file.exists()
    assert "mounted on" in log_file.read_text()
    assert "unmounted" in log_file.read_text()
    assert not at.exists()


def test_ready_fd_and_pid_file_of_a_background_mount(tmp_path: Path) -> None:
    out, into = os.pipe()
    with os.fdopen(out) as ready:
        done = run("mount", "--demo", "--ready-fd", str(into), "--pid-file", tmp_path / "pid", tmp_path / "m", pass_fds=[into])
        os.close(into)
        assert done.returncode == 0, done.stderr
        assert ready.read() == "ready\n"
    assert int((tmp_path / "pid").read_text()) == server(tmp_path / "m")
    assert run("umount", tmp_path / "m").returncode == 0
    assert not (tmp_path / "pid").exists()


def test_df_answers(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        said = subprocess.run(["df", "--output=size,avail,fstype", at], capture_output=True, text=True, check=True).stdout.split()
    assert int(said[3]) >= 16384
    assert said[4:] == ["0", "fuse.snapfs"] or said[-1] == "fuse.snapfs"


@pytest.mark.parametrize(
    ("make", "code", "word"),
    [
        (lambda base: base / "nothing", 11, "No such file"),
        (lambda base: base / "file", 11, "not a directory"),
        (lambda base: base / "empty", 12, "none of config.json"),
        (lambda base: base / "packed", 12, "memory-ranges.zst is compressed"),
    ],
)
def test_what_cannot_be_mounted_is_refused_in_one_sentence(make: object, code: int, word: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed/memory-ranges.zst").write_bytes(b"x")
    done = run("mount", make(tmp_path), tmp_path / "m")  # type: ignore[operator]
    assert done.returncode == code
    assert word in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_mount_point_that_is_no_directory_or_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = run("mount", "--demo", tmp_path / "file")
    assert done.returncode == 10
    assert "not a directory" in done.stderr
    with mounted("--demo", at=tmp_path / "m") as at:
        done = run("mount", "--demo", at)
        assert done.returncode == 16
        assert "mounted here already" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_log_file_that_cannot_be_written(tmp_path: Path) -> None:
    done = run("mount", "--demo", "--log-file", tmp_path / "no/log", tmp_path / "m")
    assert done.returncode == 4
    assert mounts_below(tmp_path) == []
    assert not (tmp_path / "m").exists()


def test_full_disk_under_the_log_does_not_stop_the_mount(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full on this machine")
    with mounted("--demo", "--log-file", "/dev/full", at=tmp_path / "m") as at:
        assert (at / "README").read_bytes()


def test_log_file_that_fails_later_is_told_and_the_mount_goes_on(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with mounted("--demo", "--log-file", logs / "log", at=tmp_path / "m") as at:
        (logs / "log").unlink()
        logs.rmdir()
        for seen in (1, 2):
            os.kill(server(at), signal.SIGUSR1)
            assert becomes(lambda seen=seen: (at / "LOG").read_text().count("counters:") == seen)  # type: ignore[misc]
        assert (at / "config/cpus/boot_vcpus").read_text() == "2\n"
        told = [line for line in (at / "LOG").read_text().splitlines() if "cannot be written" in line]
        assert told
        assert f"{logs}/log: the log cannot be written: No such file or directory" in told[0]
        logs.mkdir()
        os.kill(server(at), signal.SIGUSR1)
        assert becomes(lambda: "counters:" in (logs / "log").read_text() if (logs / "log").exists() else False)


def test_exit_code_is_the_same_where_nobody_reads_the_words(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s", memory=0.5)
    for args, code in (((snap,), 0), ((tmp_path / "missing",), 11)):
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "snapfs", "mount", *args, tmp_path / "m"]
        try:
            assert subprocess.run(command, stdin=subprocess.DEVNULL, stderr=write, timeout=PATIENCE, check=False).returncode == code
        finally:
            os.close(write)
    assert run("umount", tmp_path / "m").returncode == 0


def test_mount_point_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "more").symlink_to(tmp_path / "link")
    for name in ("link", "more/", "more/.", "more/../real"):
        with mounted("--demo", at=f"{tmp_path}/{name}"):  # type: ignore[arg-type]
            assert mounts_below(tmp_path) == [str(tmp_path / "real")]
            assert (tmp_path / "link/config/cpus/boot_vcpus").read_text() == "2\n"
        assert mounts_below(tmp_path) == []
    assert (tmp_path / "real").is_dir()


def test_stopped_mount_behind_a_link_can_be_taken_away(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run("mount", "--demo", tmp_path / "link").returncode == 0
    pid = server(tmp_path / "real")
    os.kill(pid, signal.SIGKILL)
    assert becomes(lambda: ended(pid))
    assert run("umount", tmp_path / "link").returncode == 0
    assert mounts_below(tmp_path) == []


def test_mount_that_would_hide_its_own_snapshot_or_log_is_refused(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "t").mkdir()
    (tmp_path / "t/elsewhere").symlink_to(snap)
    for arguments in ((snap, snap), (snap, tmp_path), (tmp_path / "link/s", tmp_path), (snap, tmp_path / "link"), (tmp_path / "t", snap)):
        done = run("mount", *arguments)
        assert done.returncode == 10, arguments
        assert "would hide" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = run("mount", "--demo", "--log-file", tmp_path / "t/log", tmp_path / "t")
    assert done.returncode == 10
    assert "the log file" in done.stderr
    assert mounts_below(tmp_path) == []


def _damaged(target: Path, *, state: float = 1, memory: float = 1) -> Path:
    target.mkdir()
    source = corpus.demo()
    for name in ("config.json", "state.json", "memory-ranges"):
        data = (source / name).read_bytes()
        keep = state if name == "state.json" else memory if name == "memory-ranges" else 1
        (target / name).write_bytes(data[: int(len(data) * keep)])
    return target


@pytest.mark.parametrize("where", [[], ["-f"]], ids=["background", "foreground"])
def test_what_is_told_of_the_snapshot_is_in_the_log_too(where: list[str], tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s")
    (snap / "memory-ranges").rename(snap / "memory-ranges.zst")
    at, log = tmp_path / "m", tmp_path / "log"
    command = [sys.executable, "-m", "snapfs", "mount", *where, "-o", "suid", "--log-file", str(log), str(snap), str(at)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert becomes((at / "LOG").exists)
        for told in ((at / "LOG"), log):
            for word in ("memory-ranges.zst", "suid is ignored"):
                assert becomes(lambda told=told, word=word: word in told.read_text())  # type: ignore[misc]
        assert run("umount", at).returncode == 0
        assert process.wait(60) == 0
        said = process.stderr.read() if process.stderr else ""
    assert "suid is ignored" in said
    assert where or "memory-ranges.zst" in said


def test_half_a_state_file_mounts_with_one_warning(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s", state=0.5)
    at = tmp_path / "m"
    done = run("mount", snap, at)
    try:
        assert done.returncode == 0
        assert len(done.stderr.splitlines()) == 1
        assert "state.json" in done.stderr
        assert (at / "raw/state.json").read_bytes() == (snap / "state.json").read_bytes()
        assert (at / "config/cpus/boot_vcpus").exists()
        os.listdir(at / "state")
    finally:
        assert run("umount", at).returncode == 0


def test_short_memory_reads_what_is_there_and_errors_behind_it(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s", memory=0.5)
    at = tmp_path / "m"
    done = run("mount", snap, at)
    try:
        assert done.returncode == 0
        assert len(done.stderr.splitlines()) == 1
        have = (snap / "memory-ranges").stat().st_size
        with (at / "memory/physical").open("rb", buffering=0) as file:
            assert file.read(4096) == (snap / "memory-ranges").read_bytes()[:4096]
            file.seek(have - 100)
            assert len(file.read(4096)) == 100
            with pytest.raises(OSError, match="Input/output error"):
                file.read(1)
        assert "truncated" in (at / "memory/gaps.txt").read_text()
        assert "memory-ranges" in (at / "LOG").read_text()
    finally:
        assert run("umount", at).returncode == 0


def test_memory_file_that_shrinks_under_the_mount_is_an_error_and_the_process_lives(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s")
    with mounted(snap, at=tmp_path / "m") as at:
        with (at / "memory/physical").open("rb", buffering=0) as file:
            assert len(file.read(1 << 20)) == 1 << 20
            os.truncate(snap / "memory-ranges", 4096)
            file.seek(0)
            with pytest.raises(OSError, match="Input/output error"):
                file.read(1 << 20)
            file.seek(0)
            assert len(file.read(4096)) == 4096
        assert "cut while in use" in (at / "LOG").read_text()


def test_snapshot_that_is_deleted_under_the_mount_can_be_read_to_the_end(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s")
    original = (snap / "memory-ranges").read_bytes()
    with mounted(snap, at=tmp_path / "m") as at:
        (at / "memory/physical").stat()
        for file in list(snap.iterdir()):
            file.unlink()
        snap.rmdir()
        with (at / "memory/physical").open("rb") as file:
            assert file.read(1 << 20) == original[: 1 << 20]


def test_relative_paths_mean_what_they_meant_to_the_caller(tmp_path: Path) -> None:
    snap = _damaged(tmp_path / "s")
    done = run("mount", "--log-file", "log", "--pid-file", "pid", "s", "m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    source = [line for line in Path("/proc/self/mountinfo").read_text(encoding="latin-1").splitlines() if f" {tmp_path / 'm'} " in line]
    assert source[0].split()[-2] == str(snap)
    assert int((tmp_path / "pid").read_text()) == server(tmp_path / "m")
    assert run("umount", "m", cwd=tmp_path).returncode == 0
    assert "unmounted" in (tmp_path / "log").read_text()
