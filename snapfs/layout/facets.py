"""Objects whose named parts are decoded on first use, each on its own.

    class KvmVcpu(Facets):
        @facet(needs="regs")
        def regs(self) -> KvmRegs: ...

A facet is read like an attribute, computed once, and fails alone: its error is kept and raised again at each use, and
its siblings are not touched. `needs` names the key of `source` without which the part does not exist in this snapshot.
The tree shows the facets of an object in the order of their declaration, so that declaring one is all that adding a
register group takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints, overload

from snapfs.errors import CorruptState, SnapfsError

__all__ = ["Facets", "Text", "facet"]

T = TypeVar("T")


class Text(str):
    """A part that is a text of its own, written as it is: it ends in a newline."""

    __slots__ = ()


class _Facet(Generic[T]):
    """The descriptor behind `@facet`."""

    def __init__(
        self, compute: Callable[[Any], T], name: str | None, needs: tuple[str, ...], when: Callable[[Any], bool] | None, *, hidden: bool
    ) -> None:
        self.compute = compute
        self.name = name or compute.__name__
        self.needs = needs
        self.when = when
        self.hidden = hidden
        self.attribute = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    @overload
    def __get__(self, instance: None, owner: type) -> _Facet[T]: ...
    @overload
    def __get__(self, instance: Facets, owner: type) -> T: ...
    def __get__(self, instance: Facets | None, owner: type) -> _Facet[T] | T:
        if instance is None:
            return self
        kept = instance.__dict__.setdefault("_computed", {})
        if self.attribute not in kept:
            try:
                if missing := [key for key in self.needs if key not in instance.source]:
                    raise CorruptState(f"{self.name}: the snapshot has no {missing[0]}")
                kept[self.attribute] = (self.compute(instance), None)
            except SnapfsError as error:
                kept[self.attribute] = (None, error)
        value, failure = kept[self.attribute]
        if failure is not None:
            raise failure.with_traceback(None)
        result: T = value
        return result

    def exists(self, instance: Facets) -> bool:
        """Whether this snapshot has the part at all; never decodes it."""
        source = instance.source
        return all(key in source for key in self.needs) and (self.when is None or self.when(instance))

    @cached_property
    def annotation(self) -> Any:
        """What the part is declared to be; its metadata gives the text form."""
        return get_type_hints(self.compute, include_extras=True).get("return")


def facet(
    name: str | None = None,
    *,
    needs: str | tuple[str, ...] = (),
    when: Callable[[Any], bool] | None = None,
    hidden: bool = False,
) -> Callable[[Callable[[Any], T]], _Facet[T]]:
    """Declares a part. `name` is its name in the tree where that differs; `when` says whether the part exists; a
    `hidden` part has no place in the tree but still counts the keys it `needs` as understood."""
    keys = (needs,) if isinstance(needs, str) else tuple(needs)
    return lambda compute: _Facet(compute, name, keys, when, hidden=hidden)


class Facets:
    """Base of objects with facets."""

    _facets: ClassVar[dict[str, _Facet[Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found: dict[str, _Facet[Any]] = {}
        for base in reversed(cls.__mro__):
            found.update((k, v) for k, v in vars(base).items() if isinstance(v, _Facet))
        cls._facets = found

    def __getattr__(self, name: str) -> Any:
        """Which parts there are depends on the kind: one that this kind has not is said, with those that it has."""
        raise AttributeError(f"{type(self).__name__} has no {name}; it has {', '.join(self._facets)}")

    @property
    def source(self) -> Mapping[str, Any]:
        """The keys that `needs` asks about."""
        return {}

    def facets(self) -> Iterator[_Facet[Any]]:
        """The parts that exist here, in the order of declaration."""
        return (f for f in self._facets.values() if not f.hidden and f.exists(self))

    @classmethod
    def understood(cls) -> frozenset[str]:
        """The keys of `source` that some facet needs."""
        return frozenset(key for f in cls._facets.values() for key in f.needs)
