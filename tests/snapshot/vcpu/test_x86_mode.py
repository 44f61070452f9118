"""Modes of operation and privilege levels (Intel SDM volume 3, section 2.2)."""

import pytest

from snapfs.formats.kvm_x86_64 import KvmSegment, KvmSregs
from snapfs.snapshot.vcpu.x86_mode import mode, ring

PE, PG, LMA, LME, VM = 1 << 0, 1 << 31, 1 << 10, 1 << 8, 1 << 17


def sregs(*, cr0: int = 0, efer: int = 0, l: int = 0, dpl: int = 0) -> KvmSregs:  # noqa: E741 - the kernel's name
    zero = dict.fromkeys(KvmSegment.FIELDS, 0)
    segments = {name: {**zero, "l": l, "dpl": dpl} for name in ("cs", "ss")}
    return KvmSregs.read({**segments, "cr0": cr0, "efer": efer})


@pytest.mark.parametrize(
    ("rflags", "special", "expected", "level"),
    [
        (0x2, sregs(), "real", 0),
        (0x2, sregs(dpl=3), "real", 0),
        (0x2, sregs(cr0=PE), "protected", 0),
        (0x2, sregs(cr0=PE | PG, dpl=3), "protected", 3),
        (0x2 | VM, sregs(cr0=PE | PG, dpl=3), "virtual-8086", 3),
        # in long mode RFLAGS.VM has no effect
        (0x2 | VM, sregs(cr0=PE | PG, efer=LMA | LME, l=1), "long", 0),
        (0x2, sregs(cr0=PE | PG, efer=LMA | LME, l=1, dpl=3), "long", 3),
        (0x2, sregs(cr0=PE | PG, efer=LMA | LME, dpl=3), "compatibility", 3),
        # long mode is enabled, and not active before paging is
        (0x2, sregs(cr0=PE, efer=LME), "protected", 0),
    ],
)
def test_mode_and_ring(rflags: int, special: KvmSregs, expected: str, level: int) -> None:
    assert mode(rflags, special) == expected
    assert ring(rflags, special) == level
