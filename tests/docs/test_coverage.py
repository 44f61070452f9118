"""The coverage table is true, and nothing is lost."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_coverage_table_is_what_the_code_says() -> None:
    check = subprocess.run([sys.executable, "contrib/coverage-table.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


def test_no_leaf_of_any_snapshot_is_lost() -> None:
    rows = [line.split("|") for line in (ROOT / "contrib/docs/coverage.md").read_text().splitlines() if line.startswith("| v")]
    assert len(rows) >= 9
    assert [row[-2].strip() for row in rows] == ["0"] * len(rows)
