from __future__ import annotations

import os
from pathlib import Path

from mounted import mounted, requires_fuse

from snapfs.blob.distance import is_far


def test_temporary_directory_is_near(tmp_path: Path) -> None:
    assert not is_far(os.stat(tmp_path).st_dev)


def test_device_that_is_not_mounted_is_taken_for_near() -> None:
    assert not is_far(os.makedev(4095, 77))


@requires_fuse
def test_mount_with_a_process_behind_it_is_far(tmp_path: Path) -> None:
    with mounted("--demo", at=tmp_path / "m") as at:
        assert is_far(os.stat(at).st_dev)
