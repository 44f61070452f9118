"""Loops that wait, as compilers write them."""

import pytest
from corpus import demo, full

import snapfs
from snapfs.guest import idle
from snapfs.guest.spin import looping
from snapfs.tree import root

# Linux's native_queued_spin_lock_slowpath: pause; mov (%rbx),%eax; test %al,%al; jne to the pause
SLOWPATH = bytes.fromhex("5d c3 f3 90 8b 03 84 c0 75 f8 48 89")
# pause; testl $1, x(%rip); jne to the pause
LOCK = bytes.fromhex("f3 90 f7 05 af bf 00 00 01 00 00 00 75 f2 f0 0f")


@pytest.mark.parametrize(
    ("code", "at", "loop"),
    [
        (SLOWPATH, 2, "a PAUSE loop"),
        (SLOWPATH, 4, "a PAUSE loop"),
        (SLOWPATH, 8, "a PAUSE loop"),
        (SLOWPATH, 0, ""),
        (SLOWPATH, 10, ""),
        (LOCK, 2, "a PAUSE loop"),
        (LOCK, 14, ""),
        (bytes.fromhex("f9 eb fe b8"), 1, "a jump to itself"),
        (bytes.fromhex("8b 03 84 c0 75 f8"), 2, ""),  # a loop that does not pause
        (bytes.fromhex("f3 90 c3"), 2, ""),
        (b"", 0, ""),
    ],
)
def test_loops_of_x86(code: bytes, at: int, loop: str) -> None:
    assert looping("x86_64", code, at) == loop


@pytest.mark.parametrize(
    ("arch", "words", "at", "loop"),
    [
        ("aarch64", (0xD503205F, 0x885FFC01, 0x35FFFFC1), 0, "a spin-wait loop"),  # wfe; ldaxr; cbnz
        ("aarch64", (0xD503203F, 0xB9400001), 4, "a spin-wait loop"),  # just behind a yield
        ("aarch64", (0xAB1F03FF, 0x14000000), 4, "a jump to itself"),
        ("aarch64", (0xAB1F03FF, 0x17FFFFFF), 4, ""),
        ("riscv64", (0x0100000F, 0x00052783), 4, "a spin-wait loop"),
        ("riscv64", (0x0000006F,), 0, "a jump to itself"),
        ("unknown", (0x0000006F,), 0, ""),
    ],
)
def test_loops_of_other_architectures(arch: str, words: tuple[int, ...], at: int, loop: str) -> None:
    assert looping(arch, b"".join(w.to_bytes(4, "little") for w in words), at) == loop


def test_the_sample_guest_spins_for_its_lock_on_one_cpu_and_idles_on_the_other() -> None:
    with snapfs.open(demo()) as snap:
        assert [idle.doing(snap, v) for v in snap.vcpus.values()] == ["idle", "in the kernel, interrupts off, in a PAUSE loop"]
        lines = (root(snap) / "vcpus/vcpus.txt").read_text().splitlines()
        assert lines[2].endswith("in the kernel, interrupts off, in a PAUSE loop")


@pytest.mark.parametrize("name", ["v16.0-x86_64-small", "v53.0-x86_64-linux612", "v53.0-aarch64-linux"])
def test_the_spinning_program_is_caught_in_its_loop(name: str) -> None:
    with snapfs.open(full(name)) as snap:
        assert idle.doing(snap, snap.vcpus[1]) == "in a program, in a jump to itself"
