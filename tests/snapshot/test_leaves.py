"""Every leaf of every real snapshot is decoded."""

import pytest
from corpus import REAL, trimmed

import snapfs


@pytest.mark.parametrize("name", REAL)
def test_every_leaf_of_a_real_snapshot_decodes(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        encodings = {c.where: c.leaf.encoding for c in snap.machine.walk() if c.has_data}
        assert encodings
        assert not [where for where, encoding in encodings.items() if encoding == "as it is"]
