"""Everything of a kind that snapfs declares anywhere, for laws that hold for all of them."""

import importlib
import pkgutil
from functools import cache

import snapfs
from snapfs.layout import Form, Record

__all__ = ["every_form", "every_record"]


@cache
def _below(base: type) -> tuple[type, ...]:
    for module in pkgutil.walk_packages(snapfs.__path__, "snapfs."):
        # the door to FUSE and the program declare neither forms nor records
        if not module.name.startswith(("snapfs.fuse", "snapfs.cli", "snapfs.__main__")):
            importlib.import_module(module.name)
    found: dict[type, None] = {}
    pending = [base]
    while pending:
        for kind in pending.pop().__subclasses__():
            pending.append(kind)
            if kind.__module__.startswith("snapfs."):
                found[kind] = None
    return tuple(sorted(found, key=lambda kind: (kind.__module__, kind.__name__)))


def every_form() -> tuple[type[Form], ...]:
    """The classes of forms."""
    return _below(Form)


def every_record() -> tuple[type[Record], ...]:
    """The classes of records."""
    return _below(Record)
