"""The command line: one module per command, imported when it is used; and the one place where errors become sentences.

A command is a module `snapfs.cli.<name>` with a `command`; its row in `COMMANDS` is all that makes it known. Data goes to
stdout, words to stderr. A command returns its exit code, or None for 0.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, Final, NoReturn

import click

from snapfs.cli.options import Settings, shared
from snapfs.errors import CannotOpen, SnapfsError

__all__ = ["COMMANDS", "main", "run"]

#: the commands in the order of the help; `-` in a name is `_` in its module's
COMMANDS: Final = ("mount", "umount", "ls", "cat", "tree", "info", "diff", "export", "completion", "install-helpers")

_HELPER_NAMES: Final = ("mount.snapfs", "mount.fuse.snapfs")


class _Commands(click.Group):
    """The group; a command's module is imported when the command is named."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"snapfs.cli.{cmd_name.replace('-', '_')}")
        found: click.Command = module.command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            known = ", ".join(COMMANDS)
            raise click.UsageError(f"no command {name}{hint} The commands are {known}.", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared
def group() -> None:
    """A Cloud Hypervisor snapshot as files. Try `snapfs cat --demo summary.txt`."""


def run(args: list[str]) -> int:
    """Runs one command line and returns its exit code; whatever goes wrong has been said on stderr."""
    from snapfs.cli import output

    if "_SNAPFS_COMPLETE" in os.environ:
        from snapfs.cli import shells  # noqa: F401 - makes the scripts' requests known to click
    words = args[: args.index("--")] if "--" in args else args
    # known before the words are understood, for those that are not
    settings = Settings(json="--json" in words, debug="--debug" in words or (words[:1] == ["mount"] and "-d" in words))
    try:
        result: Any = group.main(args, prog_name="snapfs", standalone_mode=False, obj=settings)
        output.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        if settings.json:
            output.report(type(error).__name__, error.format_message(), 1, as_json=True)
        else:
            with output.unheard():
                error.show()
        return 1
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except BrokenPipeError:
        output.give_up()
        return 128 + signal.SIGPIPE
    except SnapfsError as error:
        if settings.debug:
            output.show_traceback()
        output.report(type(error).__name__, str(error), error.exit_code, as_json=settings.json)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort that every program needs
        if settings.debug:
            output.show_traceback()
        if isinstance(error, FileNotFoundError) and _is_nowhere():
            text = "the working directory was removed, and a relative path means nothing in it; change to another"
            output.report(CannotOpen.__name__, text, CannotOpen.exit_code, as_json=settings.json)
            return CannotOpen.exit_code
        advice = "report what is printed above" if settings.debug else "run it again with --debug and report what that prints"
        text = f"internal error: {type(error).__name__}: {error}; {advice}"
        output.report(type(error).__name__, text, SnapfsError.exit_code, as_json=settings.json)
        return SnapfsError.exit_code


def _is_nowhere() -> bool:
    """Whether this process stands in a directory that was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _reopen() -> None:
    """Standard streams that were closed by who started us are opened again, lest a file of the snapshot gets their numbers.

    What is meant for stdout must not get lost in silence: it gets a descriptor that cannot be written to.
    """
    for number, flags, mode in ((0, os.O_RDONLY, "r"), (1, os.O_RDONLY, "w"), (2, os.O_WRONLY, "w")):
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            fd = os.open(os.devnull, flags)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def main() -> NoReturn:
    """Entry point of `snapfs`, and of mount(8)'s helper, which is the same program under another name."""
    _reopen()
    if os.path.basename(sys.argv[0]) in _HELPER_NAMES:
        from snapfs.cli.mount_helper import run as run_helper

        sys.exit(run_helper(sys.argv[1:]))
    sys.exit(run(sys.argv[1:]))
