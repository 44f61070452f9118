"""vCPUs of KVM on x86_64 against what their guests and the programs in them say."""

import pytest
from corpus import X86, trimmed

import snapfs
from snapfs.snapshot.vcpu.paging import X86Paging

# in v39.0 the program was caught inside the kernel
SPINNING = [name for name in X86 if not name.startswith("v39.0")]


def spinner(name: str) -> int:
    """The vCPU that the spinning program was pinned to."""
    return 0 if name.startswith("v51.0") else 1


@pytest.mark.parametrize("name", SPINNING)
def test_the_spinning_program_is_found_in_64_bit_user_mode(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        vcpu = snap.vcpus[spinner(name)]
        assert (vcpu.arch, vcpu.mode, vcpu.privilege, vcpu.in_user_mode) == ("x86_64", "long", "3", True)
        assert vcpu.pc is not None
        assert vcpu.pc < 1 << 47
        assert isinstance(vcpu.paging, X86Paging)
        assert vcpu.paging.cr3 == vcpu.page_table_root
        assert vcpu.paging.cr0 & 1 << 31
