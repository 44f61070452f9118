"""The GICv3's registers as Cloud Hypervisor saves them: flat vectors of 32-bit words in a fixed order.

The distributor's vector has one word of GICD_STATUSR and then the banked registers one after the other, without the part that
belongs to the first 32 interrupts; its length tells how many interrupts there are. The redistributors' vector has the frame of
each vCPU, then the SGI frame of each vCPU. The CPU interfaces' vector has as many words per vCPU as ICC_CTLR_EL1's priority bits ask for.

Sources: Arm Generic Interrupt Controller Architecture Specification v3 and v4 (IHI 0069), chapter 12; the order is that of Cloud
Hypervisor, hypervisor/src/kvm/aarch64/gic/{dist_regs,redist_regs,icc_regs}.rs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from snapfs.errors import CorruptState
from snapfs.formats.gicv3_flags import GICD_CTLR, GITS_BASER, REGISTER_FORMS
from snapfs.layout import Hex
from snapfs.layout.values import Values

__all__ = [
    "ICC_WORDS",
    "RD_WORDS",
    "SGI_WORDS",
    "Distributor",
    "Interrupt",
    "Redistributor",
    "cpu_interfaces",
    "distributor",
    "its_registers",
    "redistributors",
]

#: interrupts that belong to one processor, and are in no register of the distributor's vector
_PRIVATE: Final = 32
_SGIS: Final = 16
_WORD: Final = Hex(32)
_PRIORITY: Final = Hex(8)
# (register, bits per interrupt) in the order of the distributor's vector
_BANKED: Final = (
    ("GICD_ICENABLER", 1),
    ("GICD_ISENABLER", 1),
    ("GICD_IGROUPR", 1),
    ("GICD_IROUTER", 64),
    ("GICD_ICFGR", 2),
    ("GICD_ICPENDR", 1),
    ("GICD_ISPENDR", 1),
    ("GICD_ICACTIVER", 1),
    ("GICD_ISACTIVER", 1),
    ("GICD_IPRIORITYR", 8),
)
_BITS: Final = sum(bits for _, bits in _BANKED)
# (register, words) of one redistributor's two frames; GICR_CTLR came first before the ITS was saved (up to v16)
_FRAME: Final = (("GICR_STATUSR", 1), ("GICR_WAKER", 1), ("GICR_PROPBASER", 2), ("GICR_PENDBASER", 2), ("GICR_CTLR", 1))
_FRAME_OLD: Final = (_FRAME[-1], *_FRAME[:-1])
_SGI_FRAME: Final = (
    ("GICR_IGROUPR0", 1),
    ("GICR_ICENABLER0", 1),
    ("GICR_ISENABLER0", 1),
    ("GICR_ICFGR0", 1),
    ("GICR_ICFGR1", 1),
    ("GICR_ICPENDR0", 1),
    ("GICR_ISPENDR0", 1),
    ("GICR_ICACTIVER0", 1),
    ("GICR_ISACTIVER0", 1),
    *((f"GICR_IPRIORITYR{i}", 1) for i in range(8)),
)
# Cloud Hypervisor's key -> register
_ITS: Final = {
    "its_ctlr": "GITS_CTLR",
    "its_iidr": "GITS_IIDR",
    "its_cbaser": "GITS_CBASER",
    "its_cwriter": "GITS_CWRITER",
    "its_creadr": "GITS_CREADR",
}
RD_WORDS: Final = sum(words for _, words in _FRAME)
SGI_WORDS: Final = sum(words for _, words in _SGI_FRAME)
#: words per vCPU of the CPU interface by the number of priority bits
ICC_WORDS: Final[Mapping[int, int]] = {5: 9, 6: 11, 7: 15}


class Interrupt(NamedTuple):
    """One interrupt as the registers of all kinds have it. `route` is the affinity that a shared interrupt goes to."""

    enabled: bool
    pending: bool
    active: bool
    group: int
    trigger: str
    priority: Annotated[int, _PRIORITY]
    route: str


class Distributor(NamedTuple):
    """The distributor: its registers by name, and the shared interrupts by number."""

    registers: Values
    spis: Mapping[int, Interrupt]


class _Bank:
    """The words of one banked register, from interrupt `first` on."""

    def __init__(self, words: Sequence[int], bits: int, first: int) -> None:
        self.words, self.bits, self.first = words, bits, first

    def __getitem__(self, interrupt: int) -> int:
        place = (interrupt - self.first) * self.bits
        value = self.words[place // 32]
        if self.bits == 64:
            return value | self.words[place // 32 + 1] << 32
        return value >> place % 32 & ((1 << self.bits) - 1)


def _route(router: int) -> str:
    if router >> 31 & 1:
        return "any"
    return ".".join(str(router >> low & 0xFF) for low in (32, 16, 8, 0))


def _trigger(configuration: int) -> str:
    return "edge" if configuration & 2 else "level"


def distributor(words: Sequence[int], control: int | None) -> Distributor:
    """The distributor out of its vector; CorruptState when the vector's length is that of no number of interrupts."""
    count, rest = divmod(len(words) - 1, _BITS)
    if rest or count < 1:
        raise CorruptState(
            f"{len(words)} words where the distributor has 1 + {_BITS} for every 32 shared interrupts; the words are in state/ as they are"
        )
    registers = Values()
    if control is not None:
        registers.put("GICD_CTLR", control, GICD_CTLR)
    registers.put("GICD_STATUSR", words[0], _WORD)
    banks: dict[str, _Bank] = {}
    at = 1
    for name, bits in _BANKED:
        banks[name] = _Bank(words[at : at + bits * count], bits, _PRIVATE)
        width = max(bits, 32)
        for i in range(bits * count * 32 // width):
            # the number of a register counts from interrupt 0, whose registers are not in the vector
            number = _PRIVATE * bits // width + i
            value = words[at + i] if width == 32 else words[at + 2 * i] | words[at + 2 * i + 1] << 32
            registers.put(f"{name}{number}", value, Hex(width))
        at += bits * count
    spis = {
        n: Interrupt(
            enabled=bool(banks["GICD_ISENABLER"][n]),
            pending=bool(banks["GICD_ISPENDR"][n]),
            active=bool(banks["GICD_ISACTIVER"][n]),
            group=banks["GICD_IGROUPR"][n],
            trigger=_trigger(banks["GICD_ICFGR"][n]),
            priority=banks["GICD_IPRIORITYR"][n],
            route=_route(banks["GICD_IROUTER"][n]),
        )
        for n in range(_PRIVATE, _PRIVATE + 32 * count)
    }
    return Distributor(registers, spis)


def _named(words: Iterator[int], names: Iterable[tuple[str, int]], registers: Values) -> None:
    for name, count in names:
        value = sum(next(words) << 32 * i for i in range(count))
        registers.put(name, value, REGISTER_FORMS.get(name, Hex(32 * count)))


class Redistributor(NamedTuple):
    """The redistributor of one vCPU: its registers by name, and the SGIs and PPIs by number."""

    registers: Values
    private: Mapping[int, Interrupt]


def redistributors(words: Sequence[int], *, with_its: bool) -> tuple[Redistributor, ...]:
    """The redistributors, one per vCPU. `with_its` tells the order of the frame."""
    count, rest = divmod(len(words), RD_WORDS + SGI_WORDS)
    if rest:
        raise CorruptState(
            f"{len(words)} words where the redistributors have {RD_WORDS + SGI_WORDS} for every vCPU; the words are in state/ as they are"
        )
    found = []
    for n in range(count):
        registers = Values()
        _named(iter(words[n * RD_WORDS :]), _FRAME if with_its else _FRAME_OLD, registers)
        _named(iter(words[count * RD_WORDS + n * SGI_WORDS :]), _SGI_FRAME, registers)
        found.append(Redistributor(registers, {i: _private(registers, i) for i in range(_PRIVATE)}))
    return tuple(found)


def _private(registers: Values, n: int) -> Interrupt:
    return Interrupt(
        enabled=bool(registers["GICR_ISENABLER0"] >> n & 1),
        pending=bool(registers["GICR_ISPENDR0"] >> n & 1),
        active=bool(registers["GICR_ISACTIVER0"] >> n & 1),
        group=registers["GICR_IGROUPR0"] >> n & 1,
        trigger=_trigger(registers[f"GICR_ICFGR{n // _SGIS}"] >> n % _SGIS * 2 & 3),
        priority=registers[f"GICR_IPRIORITYR{n // 4}"] >> n % 4 * 8 & 0xFF,
        route="this vCPU",
    )


def cpu_interfaces(words: Sequence[int], vcpus: int) -> tuple[Values, ...]:
    """The CPU interfaces of `vcpus` vCPUs."""
    if not vcpus or len(words) % vcpus or len(words) // vcpus not in ICC_WORDS.values():
        raise CorruptState(
            f"{len(words)} words for the CPU interfaces of {vcpus} vCPUs, each of which has {', '.join(map(str, ICC_WORDS.values()))}; "
            "the words are in state/ as they are"
        )
    each = len(words) // vcpus
    # the active-priority registers of each group: one with 5 bits of priority, two with 6, four with 7
    active = (each - 7) // 2
    names = [
        "ICC_SRE_EL1",
        "ICC_CTLR_EL1",
        "ICC_IGRPEN0_EL1",
        "ICC_IGRPEN1_EL1",
        "ICC_PMR_EL1",
        "ICC_BPR0_EL1",
        "ICC_BPR1_EL1",
        *(f"ICC_AP{group}R{i}_EL1" for group in (0, 1) for i in range(active)),
    ]
    return tuple(
        Values((name, word, REGISTER_FORMS.get(name, _WORD)) for name, word in zip(names, words[n * each : (n + 1) * each], strict=True))
        for n in range(vcpus)
    )


def its_registers(state: Mapping[str, Any]) -> Values:
    """The ITS's registers out of the saved state, whose checked values `state` has by Cloud Hypervisor's names."""
    registers = Values((name, state[key], REGISTER_FORMS[name]) for key, name in _ITS.items() if key in state)
    for i, value in enumerate(state.get("its_baser", ())):
        registers.put(f"GITS_BASER{i}", value, GITS_BASER)
    return registers
