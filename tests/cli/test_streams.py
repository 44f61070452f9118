"""Files that are made while they are read, at a terminal and into a file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from shlex import quote


def at_terminal(command: str) -> str:
    """What a shell command shows on a terminal that is its standard error."""
    main, other = pty.openpty()
    with subprocess.Popen(["sh", "-c", command], stdin=other, stdout=subprocess.DEVNULL, stderr=other, env={**os.environ, "TERM": "xterm"}):
        os.close(other)
        shown = b""
        while True:
            try:
                piece = os.read(main, 4096)
            except OSError:
                break  # EIO: the last process closed its end
            if not piece:
                break
            shown += piece
    os.close(main)
    return shown.decode()


def test_the_census_shows_its_progress_on_the_terminal_and_not_in_the_file(tmp_path: Path) -> None:
    shown = at_terminal(f"{quote(sys.executable)} -m snapfs cat --demo memory/pages.txt > {quote(str(tmp_path))}/pages")
    assert "memory/pages.txt" in shown
    assert "\x1b" in shown
    assert "\x1b" not in (tmp_path / "pages").read_text()
    assert (tmp_path / "pages").read_text().splitlines()[-1].startswith("total")


def test_who_asks_for_quiet_is_shown_no_progress(tmp_path: Path) -> None:
    assert at_terminal(f"{quote(sys.executable)} -m snapfs cat -q --demo memory/pages.txt > {quote(str(tmp_path))}/pages") == ""
    assert (tmp_path / "pages").stat().st_size > 0
