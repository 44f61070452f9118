"""`memory/pages.txt` as it is read."""

from corpus import demo

import snapfs
from snapfs.tree import root
from snapfs.tree.nodes import StreamFile


def test_the_census_is_made_piece_by_piece_and_only_when_it_is_read() -> None:
    with snapfs.open(demo()) as snap:
        node = root(snap) / "memory/pages.txt"
        assert isinstance(node, StreamFile)
        assert node.size == 0
        assert node.count is not None
        pieces = list(node.pieces())
        assert len(pieces) == node.count()
        assert all(pieces)
        total = next(line for line in b"".join(pieces).decode().splitlines() if line.startswith("total"))
        numbers = dict(zip(["pages", "hole", "zero", "same", "unique", "missing"], map(int, total.split()[1:]), strict=True))
        assert numbers["pages"] == 4096
        assert sum(numbers.values()) == 2 * 4096
        assert numbers["same"] + numbers["unique"] == 54
