import commands
import pytest


@pytest.fixture
def run(capsys):
    """Runs a command line in this process."""
    return commands.Runner(capsys)
