"""Named bits and fields of the GICv3's registers.

Source: Arm Generic Interrupt Controller Architecture Specification v3 and v4 (IHI 0069), sections 12.9 (GICD), 12.11 (GICR), 12.19
(GITS) and 12.2 (ICC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from snapfs.layout import Flags, Form

__all__ = ["GICD_CTLR", "GITS_BASER", "REGISTER_FORMS"]

GICD_CTLR: Final = Flags(
    32, {0: "EnableGrp0", 1: "EnableGrp1", 2: "EnableGrp1S", 4: "ARE", 5: "ARE_NS", 6: "DS", 7: "E1NWF", 8: "nASSGIreq", 31: "RWP"}
)
_GICR_CTLR: Final = Flags(32, {0: "EnableLPIs", 1: "CES", 2: "IR", 3: "RWP", 24: "DPG0", 25: "DPG1NS", 26: "DPG1S", 31: "UWP"})
_GICR_WAKER: Final = Flags(32, {1: "ProcessorSleep", 2: "ChildrenAsleep"})
_CACHES: Final = {0: "Device-nGnRnE", 1: "NC", 2: "RaWt", 3: "RaWb", 4: "WaWt", 5: "WaWb", 6: "RaWaWt", 7: "RaWaWb"}
_SHARE: Final = {0: "none", 1: "inner", 2: "outer"}


@dataclass(frozen=True)
class _Address(Flags):
    """A word with a physical address in its middle (lowest and highest bit), spelled before the fields around it."""

    address: tuple[int, int] = (12, 51)

    def spell(self, value: Any) -> str:
        if not value:
            return ""
        low, high = self.address
        return f"PA=0x{value & ((1 << high + 1) - (1 << low)):x} {super().spell(value)}"


_GICR_PROPBASER: Final = _Address(64, {}, ((0, 5, "IDbits"), (7, 3, "InnerCache", _CACHES), (10, 2, "Shareability", _SHARE)))
_GICR_PENDBASER: Final = _Address(64, {62: "PTZ"}, ((7, 3, "InnerCache", _CACHES), (10, 2, "Shareability", _SHARE)), (16, 51))
_ENABLE: Final = Flags(32, {0: "Enable"})
GITS_BASER: Final = _Address(
    64,
    {62: "Indirect", 63: "Valid"},
    (
        (0, 8, "Size"),
        (8, 2, "Page_Size", {0: "4K", 1: "16K", 2: "64K"}),
        (10, 2, "Shareability", _SHARE),
        (48, 5, "Entry_Size"),
        (56, 3, "Type", {0: "none", 1: "devices", 2: "vPEs", 4: "collections"}),
        (59, 3, "InnerCache", _CACHES),
    ),
    (12, 47),
)
REGISTER_FORMS: Final[Mapping[str, Form]] = {
    "GICR_CTLR": _GICR_CTLR,
    "GICR_WAKER": _GICR_WAKER,
    "GICR_PROPBASER": _GICR_PROPBASER,
    "GICR_PENDBASER": _GICR_PENDBASER,
    "ICC_SRE_EL1": Flags(32, {0: "SRE", 1: "DFB", 2: "DIB"}),
    "ICC_CTLR_EL1": Flags(
        32,
        {0: "CBPR", 1: "EOImode", 6: "PMHE", 14: "SEIS", 15: "A3V", 18: "RSS", 19: "ExtRange"},
        ((8, 3, "PRIbits"), (11, 3, "IDbits")),
    ),
    "ICC_IGRPEN0_EL1": _ENABLE,
    "ICC_IGRPEN1_EL1": _ENABLE,
    "GITS_CTLR": Flags(64, {0: "Enabled", 1: "ImDe", 8: "UMSIirq", 31: "Quiescent"}, ((4, 4, "ITS_Number"),)),
    "GITS_IIDR": Flags(64, {}, ((12, 4, "Revision"), (16, 4, "Variant"))),
    "GITS_CBASER": _Address(64, {63: "Valid"}, ((0, 8, "Size"), (10, 2, "Shareability", _SHARE), (59, 3, "InnerCache", _CACHES))),
    "GITS_CWRITER": Flags(64, {0: "Retry"}),
    "GITS_CREADR": Flags(64, {0: "Stalled"}),
}
