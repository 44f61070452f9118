"""The units in contrib/systemd, by systemd's own judgement; they are started in a bare Debian by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "contrib/systemd"
# settings that give a service a mount namespace of its own, in which nobody else would see the mount (systemd.exec(5))
_PRIVATE = (
    "Protect",
    "Private",
    "ReadOnly",
    "ReadWrite",
    "Inaccessible",
    "Bind",
    "TemporaryFileSystem",
    "RootDirectory",
    "MountAPIVFS",
    "MountFlags",
)


def test_no_service_hides_its_mount() -> None:
    lines = [line.strip() for line in (UNITS / "snapfs@.service").read_text().splitlines()]
    assert "Type=notify" in lines
    assert "KillMode=mixed" in lines
    assert not [line for line in lines if line.startswith(_PRIVATE)]


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    units = []
    for unit in UNITS.iterdir():
        # an instance of the template, and a program that is there
        name = unit.name.replace("@.", "@var-snapshots-web\\x2d1.")
        units.append(tmp_path / name)
        units[-1].write_text(unit.read_text().replace("ExecStart=snapfs", f'ExecStart="{sys.executable}" -m snapfs'))
    assert len(units) == 3
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "snap" in line]
    assert (done.returncode, said) == (0, []), done.stderr
