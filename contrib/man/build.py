#!/usr/bin/env python3
"""Builds the man pages: contrib/man/*.rst, with what the program itself knows put in, through docutils' manpage writer.

    python contrib/man/build.py DIRECTORY

A line `@name@` of a source is replaced: `@commands@` and `@shared-options@` come from the command line's own declarations,
`@mount-options@` from those of the mount, `@exit-codes@` from the exception classes. Nothing is listed twice.
Needs docutils and click. The wheel's build hook (contrib/hatch_build.py) calls `build`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def build(directory: Path) -> list[Path]:
    """Writes every page into `directory` and returns their paths."""
    from docutils.core import publish_file

    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    directory.mkdir(parents=True, exist_ok=True)
    found = []
    for source in sorted(HERE.glob("*.rst")):
        text = re.sub(r"^@([a-z-]+)@$", lambda m: "\n".join(MARKS[m[1]]()), source.read_text(), flags=re.MULTILINE)
        target = directory / source.stem
        publish_file(
            source=_Text(text.replace("@version@", version)),
            source_path=str(source),
            destination_path=str(target),
            writer="manpage",
            settings_overrides={
                "halt_level": 2,
                "report_level": 2,
                "file_insertion_enabled": False,
                "raw_enabled": False,
                "_disable_config": True,
            },
        )
        # man's own sections are in capitals, docutils writes this one otherwise
        target.write_text(target.read_text().replace(".SH Name\n", ".SH NAME\n"))
        found.append(target)
    return found


class _Text:
    """A text as the file that docutils reads."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text

    def close(self) -> None: ...


def _commands() -> Iterator[str]:
    import click

    from snapfs.cli import COMMANDS, group
    from snapfs.cli.options import shared

    common = {name for p in shared(lambda: None).__click_params__ for name in p.opts}
    context = click.Context(group, info_name="snapfs", **group.context_settings)
    for name in COMMANDS:
        command = importlib.import_module(f"snapfs.cli.{name.replace('-', '_')}").command
        own = click.Context(command, parent=context, info_name=name)
        words = " ".join(piece for piece in command.collect_usage_pieces(own) if piece != "[OPTIONS]")
        title = f"snapfs {name} [*options*] {words}"
        yield from (title, "-" * len(title), "", _prose(command.help or ""), "")
        yield from _options(p for p in command.params if not common & set(p.opts) or set(p.opts) & {"-d"})


def _options(params: object) -> Iterator[str]:
    import click

    context = click.Context(click.Command("snapfs"))
    for param in params:  # type: ignore[attr-defined]
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record:
            yield from (f"``{record[0]}``", f"    {_prose(record[1])}", "")


def _shared_options() -> Iterator[str]:
    from snapfs.cli.options import shared

    yield from _options(reversed(shared(lambda: None).__click_params__))
    yield from ("``-h, --help``", "    Show help and exit.", "")


def _mount_options() -> Iterator[str]:
    from snapfs.fuse.options import HELP

    for name, text in HELP.items():
        yield from (f"``{name}``", f"    {_prose(text[0].upper() + text[1:])}.", "")


def _exit_codes() -> Iterator[str]:
    from snapfs import errors
    from snapfs.cli.diff import DIFFERENT

    found: dict[int, list[str]] = {0: ["All is well."]}
    kinds = [getattr(errors, name) for name in errors.__all__]
    for kind in kinds:
        # a class that has its parent's code says nothing of its own
        if "exit_code" in vars(kind):
            text = " ".join((kind.__doc__ or "").split(";")[0].split())
            found.setdefault(kind.exit_code, []).append(text.rstrip(".") + ".")
    found[70] = ["An error in snapfs itself; run it again with ``--debug`` and report what that prints."]
    found[DIFFERENT] = ["``snapfs diff`` found differences."]
    for code, texts in sorted(found.items()):
        yield from (f"{code}", f"    {' '.join(texts)}", "")
    yield from ("128 + *n*", "    Ended by signal *n*.", "")


def _prose(text: str) -> str:
    """A help text as reST: what stands in backquotes is literal, and stars mean nothing."""
    text = inspect.cleandoc(text)
    text = re.sub(r"`+([^`]+)`+", r"``\1``", text)
    return "".join(part if i % 2 else re.sub(r"([*|_\\])", r"\\\1", part) for i, part in enumerate(re.split(r"(``.*?``)", text)))


MARKS: dict[str, Callable[[], Iterator[str]]] = {
    "commands": _commands,
    "shared-options": _shared_options,
    "mount-options": _mount_options,
    "exit-codes": _exit_codes,
}

if __name__ == "__main__":
    for path in build(Path(sys.argv[1])):
        print(path)
