"""What can be a mount point."""

import pytest

from snapfs.errors import MountError
from snapfs.fuse.mountpoint import prepare


@pytest.mark.parametrize("path", ["", "/", "//", "/.", "/tmp/.."])
def test_nothing_is_mounted_over_the_root_or_nowhere(path: str) -> None:
    with pytest.raises(MountError, match="nothing can be mounted there"):
        prepare(path)
