"""What a map holds of the page cache: little, however much of the file was looked at."""

from __future__ import annotations

from pathlib import Path

from snapfs.blob import File

MIB = 1 << 20


def _mapped(name: str) -> int:
    """Bytes of a file that this process has mapped in, as the kernel counts them."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        word = line.split()[0]
        if not word.endswith(":"):
            inside = line.endswith(name)
        elif word == "Rss:" and inside:
            found += int(line.split()[1]) << 10
    return found


def test_a_file_that_was_read_to_its_end_does_not_stay_mapped(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    with path.open("wb") as out:
        for number in range(64):
            out.write(bytes([number]) * MIB)
    file = File.open(str(path))
    first = file.view(0, MIB)
    most = 0
    for at in range(0, file.size, MIB):
        # bytes() touches the pages, as the kernel does when it takes a reply
        assert bytes(file.view(at, MIB)[::4096]) == bytes([at // MIB]) * 256
        most = max(most, _mapped(str(path)))
    assert 0 < most <= 6 * MIB
    assert bytes(first) == bytes(MIB)
    first.release()
    file.close()
