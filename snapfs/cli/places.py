"""The words SNAPSHOT and PATH of a command line, and their completion.

    @places("SNAPSHOT [PATH]...")
    def command(words: Words) -> None:
        with words.open() as place: ...

With `--demo` the embedded sample takes the place of SNAPSHOT, and every word is a PATH. Paths are completed in the tree itself,
a directory at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click
from click.shell_completion import CompletionItem

from snapfs.errors import NotASnapshot, SnapfsError

if TYPE_CHECKING:
    from snapfs.snapshot import Snapshot
    from snapfs.tree import Dir

__all__ = ["Place", "Words", "open_place", "places"]

_DEMO: Final = "snapfs.demo"
_DEMO_HELP: Final = "Use the embedded sample in place of SNAPSHOT."
_F = TypeVar("_F", bound=Callable[..., Any])


class Place(NamedTuple):
    """What was named, opened: a tree, and the snapshot behind it; a directory of snapshots has a level above theirs, and no
    snapshot of its own."""

    path: str
    top: Dir
    one: Snapshot | None

    @property
    def snap(self) -> Snapshot:
        """The snapshot; NotASnapshot for a directory of several."""
        if self.one is None:
            raise NotASnapshot(f"{self.path}: holds several snapshots; name one of them: {', '.join(list(self.top.children)[:4])}")
        return self.one


@dataclass(frozen=True)
class Words:
    """What was given: the snapshots first, then the rest."""

    snapshots: tuple[str, ...]
    rest: tuple[str, ...]

    @contextlib.contextmanager
    def open(self) -> Iterator[Place]:
        """The first snapshot, opened."""
        with open_place(self.snapshots[0]) as place:
            yield place


@contextlib.contextmanager
def open_place(path: str) -> Iterator[Place]:
    """The tree of a snapshot, or of a directory of snapshots."""
    from snapfs.snapshot import Snapshot
    from snapfs.tree import root

    try:
        snap = Snapshot(path)
    except NotASnapshot:
        from snapfs.tree.many import tree_of

        yield Place(path, tree_of([path])[0], None)
    else:
        with snap:
            yield Place(path, root(snap), snap)


def places(form: str, *, snapshots: int = 1, rest: tuple[int, int | None] = (0, None)) -> Callable[[_F], _F]:
    """Declares the words of a command. `form` is what the help shows; `snapshots` says how many come first (0: all words
    are snapshots), `rest` at least and at most how many follow."""

    def read(ctx: click.Context, _: click.Parameter, value: tuple[str, ...]) -> Words:
        given = ((_sample(),) if ctx.meta.get(_DEMO) and not ctx.resilient_parsing else ()) + value
        count = snapshots or len(given)
        if not ctx.resilient_parsing:
            _count(ctx, given, form, count or 1, rest)
        return Words(given[:count], given[count:])

    def declare(command: _F) -> _F:
        words = click.argument("words", nargs=-1, metavar=form, callback=read, type=_Word(snapshots))
        # eager: read before the words, which depend on it
        return click.option("--demo", is_flag=True, is_eager=True, expose_value=False, callback=_keep, help=_DEMO_HELP)(words(command))

    return declare


def _keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_DEMO] = value


def _sample() -> str:
    from snapfs import sample

    return str(sample.unpack())


def _count(ctx: click.Context, given: tuple[str, ...], form: str, snapshots: int, rest: tuple[int, int | None]) -> None:
    least, most = rest
    if len(given) < snapshots:
        raise click.UsageError("which snapshot? Name the directory that it was written to, or use --demo for the embedded sample.", ctx)
    if len(given) < snapshots + least or (most is not None and len(given) > snapshots + most):
        raise click.UsageError(f"expected {form}, got {len(given)} word{'s' if len(given) != 1 else ''}.", ctx)


if TYPE_CHECKING:
    _TextParam = click.ParamType[str]
else:
    _TextParam = click.ParamType  # older ones are not generic


class _Word(_TextParam):
    """One word, and how it is completed."""

    name = "word"

    def __init__(self, snapshots: int) -> None:
        self._snapshots = snapshots

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        given = ctx.params.get("words") or Words((), ())
        before = (*given.snapshots, *given.rest)
        with_demo = bool(ctx.meta.get(_DEMO))
        if not self._snapshots or len(before) < self._snapshots - with_demo:
            return [CompletionItem(incomplete, type="dir")]
        try:
            with open_place(_sample() if with_demo else before[0]) as place:
                return list(_below(place.top, incomplete))
        except SnapfsError:
            return []


def _below(top: Dir, incomplete: str) -> Iterator[CompletionItem]:
    """What stands in the directory that an incomplete path names."""
    from snapfs.tree import Dir

    directory, slash, begun = incomplete.rpartition("/")
    here = top / directory
    if not isinstance(here, Dir):
        return
    for name, node in here.children.items():
        if name.startswith(begun):
            inside = isinstance(here / name if _is_link(node) else node, Dir)
            yield CompletionItem(f"{directory}{slash}{name}{'/' if inside else ''}", type="open" if inside else "plain")


def _is_link(node: object) -> bool:
    from snapfs.tree import Link

    return isinstance(node, Link)
