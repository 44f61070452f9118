"""Places where FUSE, the snapshot's file system, the disk of the log or the terminal is not what it should be: each has its sentence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pexpect
import pytest
from mounted import requires_fuse
from namespace import private, steps

pytestmark = requires_fuse

_MINE = "mkdir -p /mnt/m /mnt/u/m; chmod 755 /mnt/u; chown -R 65534 /mnt/u; export P='python -m snapfs'\n"


def one_line(said: str) -> tuple[str, int]:
    """The only line that was said, and the exit code."""
    line, code = said.splitlines()
    assert line.startswith("snapfs: ")
    return line, int(code)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3", "there is no /dev/fuse; load the kernel module (`modprobe fuse`)"),
        # a device number that no driver has: what /dev/fuse is without the module
        ("umount /dev/fuse; mknod /mnt/none c 10 250; mount --bind /mnt/none /dev/fuse", "/dev/fuse has no driver; load the kernel module"),
        ("umount /dev/fuse; touch /mnt/none; mount --bind /mnt/none /dev/fuse", "/dev/fuse is not a device; load the kernel module"),
        ("chmod 600 /mnt/fuse; run='as 65534'", "let this user open /dev/fuse"),
        ("mount --bind /dev/null $(command -v fusermount3); run='as 65534'", "users who are not root need fusermount3"),
        ("run='as 65534 unshare --map-root-user'", "mounting needs CAP_SYS_ADMIN over this mount namespace"),
    ],
    ids=["no device", "no module", "no device but a file", "device closed", "no fusermount3", "no capability"],
)
def test_fuse_that_is_missing_or_denied_says_why_and_what_works_without_it(place: str, words: str) -> None:
    said = steps(
        private(
            _MINE
            + f"""
            run=; {place}
            echo == mount; $run $P mount /srv/snap /mnt/u/m; echo $?
            echo == without; $run $P cat /srv/snap config/cpus/boot_vcpus; $run $P ls /srv/snap vcpus/0/regs/rip; echo $?
            echo == left; grep -c ' /mnt/u/m ' /proc/self/mountinfo
            """
        )
    )
    line, code = one_line(said["mount"])
    assert code == 15
    assert words in line
    assert "`snapfs ls`, `cat` and `export` work without it" in line
    assert said["without"] == "2\nvcpus/0/regs/rip\n0\n"
    assert said["left"] == "0\n"


def test_container_without_privileges_that_may_mount() -> None:
    said = steps(
        private(
            _MINE
            + """
            as 65534 unshare --map-root-user --mount bash -c '
                echo == mount; $P mount /srv/snap /mnt/u/m; echo $?; cat /mnt/u/m/config/cpus/boot_vcpus
                echo == umount; $P umount /mnt/u/m; echo $?'
            """
        )
    )
    assert said == {"mount": "0\n2\n", "umount": "0\n"}


def test_snapshot_on_a_file_system_that_is_read_only() -> None:
    said = steps(
        private(
            _MINE
            + """
            mount --bind /srv/snap /srv/snap; mount -o remount,bind,ro /srv/snap
            echo == mount; $P mount /srv/snap /mnt/m; echo $?
            echo == same; cmp /mnt/m/raw/memory-ranges /srv/snap/memory-ranges; cmp /mnt/m/raw/state.json /srv/snap/state.json; echo $?
            echo == umount; $P umount /mnt/m; echo $?
            """
        )
    )
    assert said == {"mount": "0\n", "same": "0\n", "umount": "0\n"}


def test_file_system_that_is_detached_under_the_mount_is_held_until_the_end() -> None:
    said = steps(
        private(
            _MINE
            + """
            mkdir /srv/disk; mount -t tmpfs tmpfs /srv/disk; cp -r /srv/snap /srv/disk
            $P mount /srv/disk/snap /mnt/m
            umount -l /srv/disk
            echo == same; cmp /mnt/m/raw/memory-ranges /srv/snap/memory-ranges; cmp /mnt/m/raw/state.json /srv/snap/state.json; echo $?
            echo == decoded; cat /mnt/m/config/cpus/boot_vcpus
            echo == umount; $P umount /mnt/m; echo $?
            """
        )
    )
    assert said == {"same": "0\n", "decoded": "2\n", "umount": "0\n"}


# a snapshot on a file system with a server: the files of another mount
_SERVED = (
    _MINE
    + """
    mkdir /srv/served; $P mount /srv/snap /srv/served
    server=$(python -c 'import os; print(os.getxattr("/srv/served", "user.snapfs.pid").decode())')
    $P mount /srv/served/raw /mnt/m
    dd if=/mnt/m/memory/physical of=/dev/null bs=4096 count=1 status=none
    """
)


def test_file_system_whose_server_died_is_an_error_with_a_reason_and_the_mount_lives() -> None:
    said = steps(
        private(
            _SERVED
            + """
            kill -KILL $server; while kill -0 $server 2>/dev/null && [ -e /proc/$server/exe ]; do sleep 0.01; done
            echo == memory; timeout 40 dd if=/mnt/m/memory/physical of=/dev/null bs=1M skip=4 count=2 status=none; echo $?
            echo == raw; timeout 40 cat /mnt/m/raw/memory-ranges 2>&1 >/dev/null; echo $?
            echo == still; cat /mnt/m/config/cpus/boot_vcpus
            echo == log; cat /mnt/m/LOG
            echo == umount; $P umount /mnt/m; echo $?
            """
        )
    )
    for way in ("memory", "raw"):
        assert "Input/output error" in said[way]
        assert said[way].endswith("\n1\n")
    assert said["still"] == "2\n"
    assert "check the storage it is on" in said["log"]
    assert "internal error" not in said["log"]
    assert said["umount"] == "0\n"


def test_file_system_that_does_not_answer_keeps_nobody_but_its_reader_waiting() -> None:
    said = steps(
        private(
            _SERVED
            + """
            kill -STOP $server
            dd if=/mnt/m/memory/physical of=/mnt/read bs=1M skip=4 count=1 status=none & reader=$!
            sleep 0.3
            echo == meanwhile; timeout 40 cat /mnt/m/config/cpus/boot_vcpus; timeout 40 ls /mnt/m/memory; kill -0 $reader; echo $?
            kill -CONT $server; wait $reader
            echo == read; cmp /mnt/read <(dd if=/srv/snap/memory-ranges bs=1M skip=4 count=1 status=none); echo $?
            echo == umount; $P umount /mnt/m /srv/served; echo $?
            """
        )
    )
    assert said["meanwhile"].startswith("2\n")
    assert "physical\n" in said["meanwhile"]
    assert said["meanwhile"].endswith("\n0\n")
    assert (said["read"], said["umount"]) == ("0\n", "0\n")


def test_slow_file_system_keeps_nobody_but_its_readers_waiting() -> None:
    said = steps(
        private(
            _MINE
            + """
            mkdir /srv/slow; python "$REPOSITORY/tests/slow_fs.py" /srv/snap /srv/slow /mnt/flag & slow=$!
            until [ -e /srv/slow/state.json ]; do sleep 0.05; done
            $P mount /srv/slow /mnt/m
            dd if=/mnt/m/memory/physical of=/dev/null bs=1M count=8 status=none
            touch /mnt/flag; readers=
            for block in 1 2 3; do
                dd if=/mnt/m/memory/physical bs=4096 skip=$block count=1 of=/dev/null status=none & readers="$readers $!"
            done
            sleep 0.2
            echo == meanwhile; timeout 30 cat /mnt/m/config/cpus/boot_vcpus; timeout 30 ls /mnt/m/memory /mnt/m/vcpus/0 >/dev/null; echo $?
            rm /mnt/flag; for reader in $readers; do wait $reader; done
            echo == umount; $P umount /mnt/m; echo $?; umount /srv/slow; wait $slow
            """
        )
    )
    assert said["meanwhile"] == "2\n0\n"
    assert said["umount"] == "0\n"


def test_disk_that_gets_full_under_the_log() -> None:
    said = steps(
        private(
            _MINE
            + """
            mkdir /mnt/small; mount -t tmpfs -o size=8k tmpfs /mnt/small
            echo == mount; $P mount --log-file /mnt/small/log /srv/snap /mnt/m; echo $?
            cat /dev/zero >/mnt/small/fill 2>/dev/null
            server=$(python -c 'import os; print(os.getxattr("/mnt/m", "user.snapfs.pid").decode())')
            echo == told; until grep 'cannot be written' /mnt/m/LOG; do kill -USR1 $server; sleep 0.1; done
            echo == still; cat /mnt/m/config/cpus/boot_vcpus; grep -c counters /mnt/m/LOG
            echo == umount; $P umount /mnt/m; echo $?
            echo == full; $P mount --log-file /mnt/small/dir/log /srv/snap /mnt/m; echo $?
            """
        )
    )
    assert said["mount"] == "0\n"
    assert "/mnt/small/log: the log cannot be written: No space left on device; LOG in the mount goes on" in said["told"]
    first, count = said["still"].split()
    assert first == "2"
    assert int(count) > 0
    assert said["umount"] == "0\n"
    line, code = one_line(said["full"])
    assert code == 4
    assert "/mnt/small/dir/log" in line


def test_names_that_are_not_utf8_in_a_locale_that_knows_ascii_only() -> None:
    said = steps(
        private(
            _MINE
            + r"""
            export LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0
            odd=$(printf '/srv/\377\344 \303\251\n\033[1mx'); mv /srv/snap "$odd"
            echo == mount; $P mount "$odd" /mnt/m; echo $?
            echo == source; grep -c ' /mnt/m .* - fuse.snapfs /srv/' /proc/self/mountinfo
            echo == LOG; cat -v /mnt/m/LOG
            echo == umount; $P umount /mnt/m; echo $?
            for words in "info" "ls" "cat" "tree"; do
                echo "== $words"; $P $words "$odd" >/mnt/said; echo $?; wc -c </mnt/said
            done
            echo == missing; $P info "$odd.x" 2>&1 | cat -v
            echo == busy; mkdir "$odd/m"; $P mount "$odd" "$odd/m"; $P mount "$odd" "$odd/m" 2>&1 | cat -v; $P umount "$odd/m"; echo $?
            """
        )
    )
    assert (said["mount"], said["source"], said["umount"]) == ("0\n", "1\n", "0\n")
    assert "Traceback" not in "".join(said.values())
    assert "mounted on" in said["LOG"]
    for words in ("info", "ls", "tree"):
        code, size = said[words].split()
        assert code == "0", said[words]
        assert int(size) > 100
    assert "No such file or directory" in said["missing"]
    assert "mounted here already" in said["busy"]
    assert said["busy"].endswith("\n0\n")


def test_no_terminal_and_no_streams_at_all() -> None:
    said = steps(
        private(
            _MINE
            + """
            echo == mount; setsid $P mount /srv/snap /mnt/m <&- >&- 2>&-; echo $?
            echo == read; cat /mnt/m/config/cpus/boot_vcpus; cmp /mnt/m/raw/state.json /srv/snap/state.json; echo $?
            echo == fds; ls -l /proc/$(python -c 'import os; print(os.getxattr("/mnt/m", "user.snapfs.pid").decode())')/fd/[012]
            echo == umount; setsid $P umount /mnt/m <&- >&- 2>&-; echo $?
            echo == failed; setsid $P mount /srv/none /mnt/m <&- >&- 2>&-; echo $?
            """
        )
    )
    assert said["mount"] == "0\n"
    assert said["read"] == "2\n0\n"
    assert [re.sub(".* -> ", "", line) for line in said["fds"].splitlines()] == ["/dev/null"] * 3
    assert (said["umount"], said["failed"]) == ("0\n", "11\n")


@pytest.mark.parametrize("columns", [5000, 20])
def test_terminal_of_any_width(columns: int, tmp_path: Path) -> None:
    for words in ("info --demo", "ls -l --demo vcpus/0", "mount --help"):
        child = pexpect.spawn(sys.executable, ["-m", "snapfs", *words.split()], dimensions=(24, columns), timeout=60, encoding="utf-8")
        text = child.read()
        child.close()
        assert child.exitstatus == 0, text
        assert "Traceback" not in text
        # help is for people: no line longer than a page is wide
        if "--help" in words:
            assert max(map(len, text.splitlines())) <= 120


def test_mount_that_another_namespace_keeps_says_who_and_can_be_ended() -> None:
    said = steps(
        private(
            """
            mkdir /mnt/d; snapfs mount --pid-file /mnt/pid /srv/snap /mnt/d/m; server=$(cat /mnt/pid)
            unshare --mount --propagation private sleep 1000 & keeper=$!
            until [ "$(cat /proc/$keeper/comm)" = sleep ]; do sleep 0.1; done
            snapfs umount /mnt/d/m >/mnt/said 2>&1; code=$?
            echo == umount; sed "s/$keeper/KEEPER/; s/$server/SERVER/g" /mnt/said; echo $code
            kill $server; for n in {1..300}; do kill -0 $server 2>/dev/null || break; sleep 0.1; done
            echo == killed; kill -0 $server; ls /mnt/d
            kill $keeper
            """
        )
    )
    line, code = one_line(said["umount"])
    assert code == 16
    assert "sleep (KEEPER) still has it, in a mount namespace of its own; its process SERVER ends with that, or with `kill SERVER`" in line
    assert re.fullmatch(r".*No such process\n", said["killed"])


@pytest.mark.parametrize("options", ["", "-o processes=2"])
def test_signal_ends_the_process_whose_mount_another_namespace_keeps(options: str) -> None:
    said = steps(
        private(
            f"""
            mkdir /mnt/d; snapfs mount {options} --pid-file /mnt/pid --log-file /mnt/log /srv/snap /mnt/d/m; server=$(cat /mnt/pid)
            unshare --mount --propagation private sleep 1000 & keeper=$!
            until [ "$(cat /proc/$keeper/comm)" = sleep ]; do sleep 0.1; done
            kill -INT $server; for n in {{1..300}}; do kill -0 $server 2>/dev/null || break; sleep 0.1; done
            echo == ended; kill -0 $server; pgrep -f '^[^ ]*python[^ ]* -m snapfs mount'; ls /mnt/d
            echo == log; cat /mnt/log
            kill $keeper
            """
        )
    )
    assert re.fullmatch(r".*No such process\n", said["ended"])
    assert "unmounted, but another mount namespace has a copy" in said["log"]
