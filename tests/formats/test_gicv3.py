"""The GIC's vectors: what is put into a register of an interrupt comes out at that interrupt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.formats import gicv3

# register -> bits per interrupt, in the order in which Cloud Hypervisor reads them (dist_regs.rs)
ORDER = {
    "ICENABLER": 1, "ISENABLER": 1, "IGROUPR": 1, "IROUTER": 64, "ICFGR": 2, "ICPENDR": 1, "ISPENDR": 1, "ICACTIVER": 1, "ISACTIVER": 1,
    "IPRIORITYR": 8,
}  # fmt: skip


def vector(spis: dict[int, dict[str, int]], interrupts: int) -> list[int]:
    """The words of a distributor whose interrupts have these values."""
    words = [0]
    for register, bits in ORDER.items():
        number = 0
        for spi in range(32, interrupts):
            number |= spis.get(spi, {}).get(register, 0) << (spi - 32) * bits
        words += [number >> 32 * i & 0xFFFFFFFF for i in range(bits * (interrupts - 32) // 32)]
    return words


@pytest.mark.parametrize(("interrupts", "words"), [(128, 244), (224, 487), (256, 568)])
def test_the_length_of_the_vector_tells_the_number_of_interrupts(interrupts: int, words: int) -> None:
    built = vector({}, interrupts)
    assert len(built) == words
    assert list(gicv3.distributor(built, None).spis) == list(range(32, interrupts))


@given(
    interrupts=st.sampled_from([64, 128, 224, 256, 1024]),
    place=st.integers(0, 1 << 16),
    values=st.fixed_dictionaries({
        "ISENABLER": st.integers(0, 1), "IGROUPR": st.integers(0, 1), "ISPENDR": st.integers(0, 1), "ISACTIVER": st.integers(0, 1),
        "ICFGR": st.sampled_from([0, 2]), "IPRIORITYR": st.integers(0, 255),
        "IROUTER": st.integers(0, 0xFF_FFFF_FFFF).map(lambda v: v & 0xFF_00FF_FFFF),
    }),
)  # fmt: skip
def test_an_interrupt_has_the_bits_that_its_registers_have(interrupts: int, place: int, values: dict[str, int]) -> None:
    spi = 32 + place % (interrupts - 32)
    found = gicv3.distributor(vector({spi: values}, interrupts), 0x52)
    interrupt = found.spis[spi]
    assert (interrupt.enabled, interrupt.pending, interrupt.active) == tuple(bool(values[r]) for r in ("ISENABLER", "ISPENDR", "ISACTIVER"))
    assert (interrupt.group, interrupt.priority) == (values["IGROUPR"], values["IPRIORITYR"])
    assert interrupt.trigger == ("edge" if values["ICFGR"] else "level")
    router = values["IROUTER"]
    assert interrupt.route == ".".join(str(router >> low & 255) for low in (32, 16, 8, 0))
    # the registers have the numbers of the architecture, which count from interrupt 0
    assert found.registers[f"GICD_IROUTER{spi}"] == router
    assert found.registers[f"GICD_IPRIORITYR{spi // 4}"] >> spi % 4 * 8 & 0xFF == values["IPRIORITYR"]
    assert found.registers[f"GICD_ICFGR{spi // 16}"] >> spi % 16 * 2 & 3 == values["ICFGR"]
    assert found.registers[f"GICD_ISENABLER{spi // 32}"] >> spi % 32 & 1 == values["ISENABLER"]
    others = [i for n, i in found.spis.items() if n != spi]
    assert not any(i.enabled or i.pending or i.active or i.priority for i in others)


def test_an_interrupt_that_any_processor_may_take_has_no_route() -> None:
    assert gicv3.distributor(vector({40: {"IROUTER": 1 << 31}}, 128), None).spis[40].route == "any"


@pytest.mark.parametrize(("words", "groups"), [(9, 1), (11, 2), (15, 4)])
def test_the_words_of_a_cpu_interface_are_those_of_its_priority_bits(words: int, groups: int) -> None:
    first, second = gicv3.cpu_interfaces(list(range(2 * words)), 2)
    assert list(first)[:7] == [
        "ICC_SRE_EL1", "ICC_CTLR_EL1", "ICC_IGRPEN0_EL1", "ICC_IGRPEN1_EL1", "ICC_PMR_EL1", "ICC_BPR0_EL1", "ICC_BPR1_EL1",
    ]  # fmt: skip
    assert list(first)[7:] == [f"ICC_AP{g}R{i}_EL1" for g in (0, 1) for i in range(groups)]
    assert list(second.values()) == list(range(words, 2 * words))
