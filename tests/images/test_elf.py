"""The heads of cores, read back by pyelftools."""

from __future__ import annotations

import io

from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from snapfs.formats.elf_core import note
from snapfs.images import elf
from snapfs.images.elf import Load

U64 = st.integers(0, (1 << 64) - 1)


@given(st.lists(st.builds(Load, U64, U64, U64, U64, st.integers(0, 7)), max_size=20), st.binary(max_size=300))
def test_segments_and_notes_read_back(loads: list[Load], contents: bytes) -> None:
    file = ELFFile(io.BytesIO(elf.head("x86_64", loads, note(b"TEST", 5, contents))))
    assert file["e_type"] == "ET_CORE"
    first, *rest = file.iter_segments()
    assert first["p_type"] == "PT_NOTE"
    (found,) = first.iter_notes()
    assert (found["n_name"], found["n_descsz"], found["n_type"]) == ("TEST", len(contents), 5)
    assert [Load(s["p_vaddr"], s["p_paddr"], s["p_filesz"], s["p_offset"], s["p_flags"]) for s in rest] == loads
    assert all(s["p_memsz"] == s["p_filesz"] for s in rest)


@given(st.integers(0, 300), st.integers(0, 20000))
def test_the_area_has_room_for_what_it_is_made_for(segments: int, notes: int) -> None:
    assert len(elf.head("x86_64", [Load(0, 0, 0, 0)] * segments, bytes(notes))) <= elf.area(segments, notes)


def test_more_segments_than_the_head_can_count_are_counted_in_the_first_section() -> None:
    for count in (65533, 65534, 65535, 70000):
        data = elf.head("aarch64", [Load(n << 12, 0, 4096, 0) for n in range(count)], b"")
        file = ELFFile(io.BytesIO(data))
        assert file["e_machine"] == "EM_AARCH64"
        assert file.num_segments() == count + 1
        assert file["e_phnum"] == (min(65535, count + 1))
        assert file.get_segment(count)["p_vaddr"] == count - 1 << 12
