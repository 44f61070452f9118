"""Base of the pydantic models of what Cloud Hypervisor writes as JSON, and the types of their values.

Models are frozen, accept what they do not know (`extra="allow"`: unknown keys are kept and shown) and are strict about what
they do. The types say how a value is written for people and what it means on the host.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from snapfs.errors import CorruptState
from snapfs.layout.forms import DEC, TEXT, Hex

__all__ = [
    "ByteCount",
    "Count",
    "DeviceId",
    "GuestAddr",
    "HostFd",
    "HostInterface",
    "HostPath",
    "IpAddress",
    "MacAddress",
    "Many",
    "Model",
    "OnHost",
    "SocketPath",
]

_U64 = Field(ge=0, lt=1 << 64)

GuestAddr = Annotated[int, Hex(64), _U64]
"""A guest-physical address."""
ByteCount = Annotated[int, DEC, _U64]
"""A number of bytes."""
Count = Annotated[int, DEC, _U64]
"""A number of things."""


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(strict=False)]
"""A JSON list, kept as a tuple."""


class OnHost:
    """Marks a value that names something of the host; `what` says what kind of thing."""

    def __init__(self, what: str) -> None:
        self.what = what


HostPath = Annotated[str, TEXT, OnHost("file")]
"""A path on the host that ran the machine."""
SocketPath = Annotated[str, TEXT, OnHost("socket")]
"""The path of a socket on the host that ran the machine."""
HostInterface = Annotated[str, TEXT, OnHost("network interface")]
"""The name of a network interface of the host."""
HostFd = Annotated[int, DEC, OnHost("file descriptor")]
"""A file descriptor of the VMM's process; it means nothing after that process, its presence does."""
MacAddress = Annotated[str, TEXT, Field(pattern=r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$")]
"""A MAC address."""
IpAddress = Annotated[str, TEXT]
"""An IP address or network mask."""
DeviceId = Annotated[str, TEXT]
"""The id of a device, zone or group."""


class Model(BaseModel):
    """A frozen model of a JSON object that Cloud Hypervisor wrote."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, defer_build=True, populate_by_name=True)

    @classmethod
    def read(cls, value: Any, where: str) -> Self:
        """The model of a plain JSON value; CorruptState with the place of the first thing that is wrong."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=True)[0]
            place = "/".join(map(str, (where, *first["loc"])))
            raise CorruptState(f"{place}: {first['msg']}, found {repr(first.get('input'))[:60]}") from error
