"""Completion in bash, zsh and fish: click's own, with paths that stay open behind a directory of the tree.

An item of the type `open` is completed without the blank behind it, so that the next part can be typed at once. What is
inserted is quoted for the shell, and in bash a word goes on behind its colons and equals signs, at which bash splits it.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, Final

from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete, add_completion_class, split_arg_string

__all__ = ["SHELLS", "script"]

_BASH: Final = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o filenames -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; printf -v value %%q "$value"; COMPREPLY+=("$value") ;;
            plain) printf -v value %%q "$value"; COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH: Final = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain open described response
    local type key help
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for type key help in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files ;;
            open) open+=("$key") ;;
            plain) if [[ $help == _ ]]; then plain+=("$key"); else described+=("$key":"$help"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#open )) && compadd -S '' -V unsorted -a open
    (( $#plain )) && compadd -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH: Final = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp | string collect) \
COMP_CWORD=(commandline -ct | string collect) %(prog_name)s 2>/dev/null)
    for completion in $response
        set -l item (string split -m 1 "," -- $completion)
        switch $item[1]
            case dir
                __fish_complete_directories $item[2]
            case file
                __fish_complete_path $item[2]
            case open plain
                echo $item[2]
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Bash(BashComplete):
    source_template: ClassVar[str] = _BASH

    @staticmethod
    def _check_version() -> None:
        """The script is written where it is built, which need not be where it runs."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        # behind a blank a new word begins, unless the blank is quoted and so a part of the last one
        if not words or (line[-1:].isspace() and split_arg_string(line + "x")[-1] == "x"):
            return words[1:], ""
        return words[1:-1], words[-1]

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        breaks = set(":=@") & set(os.environ.get("COMP_WORDBREAKS", ""))
        cut = max((incomplete.rfind(c) + 1 for c in breaks), default=0)
        items = self.get_completions(args, incomplete)
        return "".join(f"{item.type},{item.value[cut:] if item.value.startswith(incomplete) else item.value}\n" for item in items)


class _Zsh(ZshComplete):
    source_template: ClassVar[str] = _ZSH


class _Fish(FishComplete):
    source_template: ClassVar[str] = _FISH

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value}" + (f"\t{item.help.splitlines()[0]}" if item.help else "")


SHELLS: Final[dict[str, Any]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
for _name, _class in SHELLS.items():
    add_completion_class(_class, _name)


def script(shell: str) -> str:
    """The completion script of a shell."""
    from snapfs.cli import group

    text: str = SHELLS[shell](group, {}, "snapfs", "_SNAPFS_COMPLETE").source()
    return text
