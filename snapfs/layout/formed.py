"""JSON objects whose values are written in forms of their own.

    Formed(state, {"avail_features": Hex(64), "config": {"cols": DEC}})

is the object as it stands, unknown keys kept, in its own order; a value that its form cannot write, as another program may
have put it there, falls back on JSON's way. A callable in place of a form replaces the value by a better one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from snapfs.layout.forms import Form

__all__ = ["Formed", "Forms"]

Forms = Mapping[str, "Form | Mapping[str, Any] | Callable[[Any], Any]"]


class Formed(Mapping[str, Any]):
    """A JSON object with the forms of its values. Objects in lists take the forms that their list's key has."""

    def __init__(self, value: Mapping[str, Any], forms: Forms) -> None:
        self._value = value
        self._forms = forms

    def __getitem__(self, key: str) -> Any:
        return _formed(self._value[key], self._forms.get(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def form_of(self, key: str) -> Form | None:
        """How the value of a key, or each element of a list, is written; None for JSON's own way."""
        form = self._forms.get(key)
        if not isinstance(form, Form):
            return None
        value = self._value[key]
        return form if all(_fits(form, v) for v in (value if isinstance(value, list) else (value,))) else None


def _fits(form: Form, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    try:
        form.render(value)
    except ValueError:
        return False
    return True


def _formed(value: Any, forms: Any) -> Any:
    if forms is None or isinstance(forms, Form):
        return value
    if callable(forms):
        return forms(value)
    if isinstance(value, dict):
        return Formed(value, forms)
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return [Formed(v, forms) if isinstance(v, dict) else v for v in value]
    return value
