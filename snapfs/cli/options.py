"""The options that every command has, and the settings that they make.

They may stand before or behind the command's name: `snapfs --json cat …` and `snapfs cat … --json` are one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import click

__all__ = ["Settings", "demo", "settings", "shared"]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the shared options say. `verbosity` is 1 and more for `-v`, -1 for `-q`."""

    json: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    verbosity: int = 0
    debug: bool = False

    @property
    def colored(self) -> bool:
        """Whether stdout gets colours."""
        if self.color != "auto":
            return self.color == "always"
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def settings(ctx: click.Context | None = None) -> Settings:
    """The settings of the running command."""
    found: Settings = (ctx or click.get_current_context()).ensure_object(Settings)
    return found


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(settings(ctx), name, value)

    return keep


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        settings(ctx).verbosity = -1


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from snapfs.cli.output import emit, emit_json
        from snapfs.cli.version import versions

        if settings(ctx).json:
            emit_json(versions())
        else:
            emit("\n".join(f"{name} {number}" for name, number in versions().items()))
        ctx.exit()


def _help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """As click's own, but a stdout that is full or whose reader has gone is treated as everywhere else."""
    if value and not ctx.resilient_parsing:
        from snapfs.cli.output import emit

        emit(ctx.get_help())
        ctx.exit()


def shared(command: _F) -> _F:
    """Gives a command the options that all have; stands right under `@click.command`."""
    before = len(getattr(command, "__click_params__", ()))
    for option in (
        click.option("-h", "--help", is_flag=True, is_eager=True, expose_value=False, callback=_help, help="Show this message and exit."),
        click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show versions and exit."),
        click.option("--debug", is_flag=True, expose_value=False, callback=_set("debug"), help="Show tracebacks."),
        click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Say less."),
        click.option("-v", "--verbose", count=True, expose_value=False, callback=_set("verbosity"), help="Say more."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            expose_value=False,
            callback=_set("color"),
            help="Colours on stdout; NO_COLOR is heeded.",
        ),
        click.option("--json", is_flag=True, expose_value=False, callback=_set("json"), help="JSON output."),
    ):
        if not _has(command, option):
            command = option(command)
    params = getattr(command, "__click_params__", [])
    params[:] = params[before:] + params[:before]  # click lists them from the last to the first: the command's own come first
    return command


def _has(command: Any, option: Callable[[Any], Any]) -> bool:
    """Whether the command declares an option of that long name itself (mount's --debug does more)."""

    def probe() -> None: ...

    option(probe)
    names = {name for param in probe.__click_params__ for name in param.opts if name.startswith("--")}  # type: ignore[attr-defined]
    return any(names & set(param.opts) for param in getattr(command, "__click_params__", ()))


#: `--demo` in place of SNAPSHOT
demo = click.option("--demo", is_flag=True, help="Use the embedded sample in place of SNAPSHOT.")
