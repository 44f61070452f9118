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
from snapfs.errors import SnapfsError

__all__ = ["COMMANDS", "main", "run"]

#: the commands in the order of the help; `-` in a name is `_` in its module's
COMMANDS: Final = ("mount", "umount")

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
    """Everything in a Cloud Hypervisor snapshot, by name: mounted, or printed."""


def run(args: list[str]) -> int:
    """Runs one command line and returns its exit code; whatever goes wrong has been said on stderr."""
    settings = Settings(debug="--debug" in args or "-d" in args[1:2])
    try:
        result: Any = group.main(args, prog_name="snapfs", standalone_mode=False, obj=settings)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return 1
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # the reader has gone: nothing more can be said, and the interpreter's own flush must not fail either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except SnapfsError as error:
        if settings.debug:
            raise
        sys.stderr.write(f"snapfs: {error}\n")
        return error.exit_code
    except Exception as error:  # the last resort that every program needs
        if settings.debug:
            raise
        sys.stderr.write(
            f"snapfs: internal error: {type(error).__name__}: {error}; run it again with --debug and report what that prints\n"
        )
        return SnapfsError.exit_code


def main() -> NoReturn:
    """Entry point of `snapfs`, and of mount(8)'s helper, which is the same program under another name."""
    if os.path.basename(sys.argv[0]) in _HELPER_NAMES:
        from snapfs.cli.mount_helper import run as run_helper

        sys.exit(run_helper(sys.argv[1:]))
    sys.exit(run(sys.argv[1:]))
