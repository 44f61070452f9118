"""Engine: how values are laid out in bytes and written as text.

`forms` says how one scalar is written for people, `scalars` names the stored integer types, `record` declares binary
records as annotated classes, `values` are mappings whose entries have forms of their own, `facets` declares objects whose
parts are decoded on first use. No module here knows Cloud Hypervisor, KVM or FUSE.
"""

from snapfs.layout.facets import Facets, facet
from snapfs.layout.forms import BOOL, DEC, FLOAT, TEXT, Choice, Dec, Flags, Form, Hex, Json, Number, Spelled, Text
from snapfs.layout.record import Array, Bytes, Record
from snapfs.layout.scalars import hex8, hex16, hex32, hex64, hex128, i8, i16, i32, i64, u8, u16, u32, u64
from snapfs.layout.values import Values

__all__ = [
    "BOOL",
    "DEC",
    "FLOAT",
    "TEXT",
    "Array",
    "Bytes",
    "Choice",
    "Dec",
    "Facets",
    "Flags",
    "Form",
    "Hex",
    "Json",
    "Number",
    "Record",
    "Spelled",
    "Text",
    "Values",
    "facet",
    "hex8",
    "hex16",
    "hex32",
    "hex64",
    "hex128",
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
]
