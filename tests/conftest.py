"""Settings of all tests, and the one fixture that tests of several kinds need."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes, or the making of one, says more of what else the machine does
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# for .ci/run: the same examples each time, so that what fails there fails for what was changed
settings.register_profile("ci", settings.get_profile("patient"), derandomize=True, database=None)
# for contrib/release-check: `contrib/test --hypothesis-profile long`
settings.register_profile("long", settings.get_profile("patient"), max_examples=2000)
settings.load_profile("patient")


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user can get to. Not in TMPDIR nor in pytest's own: both may be closed to others, and .ci/run's is."""
    with tempfile.TemporaryDirectory(prefix="snapfs-open-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)
