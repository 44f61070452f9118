"""The tuple of kinds is complete and can be imported."""

import importlib
import pkgutil

import snapfs.snapshot.vcpu as package
from snapfs.snapshot.vcpu import ALL, Vcpu, kinds


def test_every_kind_of_the_package_is_in_the_tuple():
    found = {
        (module.name, value.__name__)
        for module in pkgutil.iter_modules(package.__path__)
        for value in vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
        if isinstance(value, type) and issubclass(value, Vcpu) and value.__module__.endswith(f".{module.name}") and "matches" in vars(value)
    }
    assert found - {("vcpu", "Vcpu")} == set(ALL)


def test_every_row_leads_to_a_documented_class():
    assert all(issubclass(kind, Vcpu) and kind.__doc__ for kind in kinds())
