"""A mapping whose entries each bring their own text form, for values that no record and no dataclass describes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from snapfs.errors import SnapfsError
from snapfs.layout.forms import Form

__all__ = ["Values"]


class Values(dict[str, Any]):
    """Names, values and forms, in their order; a form of None is JSON's own, or that of the value's class. An entry that is
    there and cannot be read has the error for a value, which is raised where it is asked for."""

    def __init__(self, rows: Iterable[tuple[str, Any, Form | None]] = ()) -> None:
        super().__init__()
        self._forms: dict[str, Form | None] = {}
        for name, value, form in rows:
            self.put(name, value, form)

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, SnapfsError):
            raise value.with_traceback(None)
        return value

    def put(self, name: str, value: Any, form: Form | None = None) -> None:
        """Adds an entry, or replaces one."""
        self[name] = value
        self._forms[name] = form

    def form_of(self, name: str) -> Form | None:
        """The text form of an entry."""
        return self._forms.get(name)

    def words(self, name: str) -> str:
        """The words of an entry's bits or meaning; empty where it has none."""
        form = self.form_of(name)
        return form.spell(self[name]) if form else ""
