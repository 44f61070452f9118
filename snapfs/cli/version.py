"""`snapfs --version`: snapfs and what it stands on."""

from __future__ import annotations

import ctypes
import os
import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """The versions of snapfs, Python, pyfuse3, libfuse and the kernel."""
    return {
        "snapfs": _package("snapfs"),
        "python": platform.python_version(),
        "pyfuse3": _package("pyfuse3"),
        "libfuse": _libfuse(),
        "linux": os.uname().release,
    }


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _libfuse() -> str:
    """The version that the library gives of itself; found by its soname, since there need be no compiler to ask."""
    for soname in ("libfuse3.so.4", "libfuse3.so.3"):
        try:
            ask = ctypes.CDLL(soname).fuse_pkgversion
        except (OSError, AttributeError):
            continue
        ask.restype = ctypes.c_char_p
        return str(ask().decode())
    return "not installed"
