# Makes a machine ready for snapfs: what contrib/demo, contrib/test, .ci/run and contrib/release-check share.
# Read by them, not run; plain POSIX shell. The caller has set `root` to the clone.
#
#   setup run       what snapfs needs to run, and snapfs itself, into a virtual environment
#   setup test      the dependency group `test` of pyproject.toml as well; `setup dev` all groups
#   setup reading   as `run`, but without FUSE: what `snapfs ls`, `cat` and `tree` need
#
# `setup` gives 0 when all is there, and 1 after it has said what is missing. What is ready is not done again: the second
# time takes no noticeable time. Afterwards `python` and `snapfs` run those of the virtual environment. PYTHON names another
# interpreter than python3, SNAPFS_VENV another place than .venv in the clone.

say() { printf '%s\n' "$*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

python() { "$venv/bin/python" "$@"; }

snapfs() { "$venv/bin/python" -m snapfs "$@"; }

_interpreter=${PYTHON:-python3}
venv=${SNAPFS_VENV:-$root/.venv}
if [ -z "${SNAPFS_VENV:-}" ] && [ ! -w "$root" ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/snapfs/venv-$(printf '%s' "$root" | cksum | cut -d ' ' -f 1)
fi

setup() {
    _stamp="$venv/.ready-$1"
    if [ "$(cat "$_stamp" 2>/dev/null)" = "$(_state)" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    # shellcheck disable=SC2046 # a list of words
    system_packages $(_lacking "$1") && _environment "$1" || return 1
    for _part in $(_covers "$1"); do _state >"$venv/.ready-$_part"; done
}

# system_packages PACKAGE...: installs Debian packages, or says what is needed where that cannot be done
system_packages() {
    [ $# -gt 0 ] || return 0
    if ! has apt-get; then
        say "snapfs needs software that is not installed here. On Debian the packages are: $*."
        say "This is not Debian or one of its kin: please install the same with this system's package manager, then run this again."
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        _root=
    elif has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        _root=sudo
    else
        say "snapfs needs packages that are not installed here. Run this as root or with sudo, or ask an administrator for:"
        say "    apt-get install --no-install-recommends $*"
        return 1
    fi
    say "Installing $*"
    # the lists of a bare machine are empty or old
    _quietly $_root apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update || say "The package lists could not be renewed; trying with the old ones."
    if ! _quietly $_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install -y --no-install-recommends "$@"; then
        say "The packages could not be installed: see above; are the package mirrors reachable?"
        return 1
    fi
}

# The Debian packages that are missing for $1. Each is told by what it is for, so that other ways to have it count as well.
_lacking() {
    has "$_interpreter" || echo python3
    "$_interpreter" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    [ "$1" != reading ] || return 0
    "$_interpreter" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null ||
        echo python3-dev
    has cc || has gcc || echo gcc
    has pkg-config || echo pkg-config
    pkg-config --exists fuse3 2>/dev/null || echo libfuse3-dev
    has fusermount3 || echo fuse3
}

# What a finished `setup` depends on
_state() {
    echo "$root $("$_interpreter" -V 2>&1) $(cat "$root/pyproject.toml" "$root/contrib/constraints.txt" | cksum)"
}

_covers() {
    case $1 in
    dev) echo reading run test dev ;;
    test) echo reading run test ;;
    run) echo reading run ;;
    *) echo "$1" ;;
    esac
}

_environment() {
    if ! "$_interpreter" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "snapfs needs Python 3.11 or later; this is $("$_interpreter" -V 2>&1). PYTHON=/path/to/python3 names another."
        return 1
    fi
    say "Installing the Python packages into $venv"
    # one that was moved, or whose interpreter has gone, is of no use
    "$venv/bin/python" -c '' 2>/dev/null && _kept= || _kept=--clear
    if ! _quietly "$_interpreter" -m venv $_kept "$venv"; then
        say "The virtual environment could not be made. Is $(dirname "$venv") writable? SNAPFS_VENV=/some/directory names another place."
        return 1
    fi
    if ! _packages "$1"; then
        say "The Python packages could not be installed: see above. They come from the index that pip is configured for, PyPI by default."
        return 1
    fi
}

_packages() {
    _pins="$root/contrib/constraints.txt"
    # dependency groups and constraints of what is built need a newer pip than Debian's
    _quietly "$venv/bin/python" -m pip install --disable-pip-version-check --constraint "$_pins" pip || return 1
    set -- "$1" --constraint "$_pins" --build-constraint "$_pins"
    case $1 in
    run) _pip "$@" --editable "$root" ;;
    reading)
        # shellcheck disable=SC2046 # a list of words
        _pip "$@" $(_without_fuse) && _pip "$@" --no-deps --editable "$root"
        ;;
    *) _pip "$@" --group "$root/pyproject.toml:$1" --editable "$root" ;;
    esac
}

_pip() {
    shift
    _quietly "$venv/bin/python" -m pip install --disable-pip-version-check "$@"
}

# The dependencies of pyproject.toml, save the one that has to be compiled against libfuse
_without_fuse() {
    "$venv/bin/python" -c '
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(*(name for name in tomllib.load(file)["project"]["dependencies"] if not name.startswith("pyfuse3")))' "$root/pyproject.toml"
}

# Runs a command; what it printed is only shown when it fails
_quietly() {
    _log=$(mktemp)
    if "$@" >"$_log" 2>&1 </dev/null; then
        rm -f "$_log"
        return 0
    fi
    tail -n 25 "$_log" >&2
    rm -f "$_log"
    return 1
}
