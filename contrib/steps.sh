# Steps of a long check, for bash: what .ci/run and contrib/release-check share. Read by them, not run, after contrib/setup.sh.

failed=() # names of failed steps; their last words are in $scratch/words-N
notes=()  # what the report says besides
started=$SECONDS
# whatever a check makes lies here, its mounts too: that is how they are told from those of others. A short path: sockets are in it
scratch=$(mktemp -d /tmp/snapfs.XXXXXX) || exit 1
export TMPDIR=$scratch

own_mounts() { grep -F " $scratch/" /proc/self/mounts | grep -F ' fuse.snapfs '; }

finish() {
    local at
    trap '' INT TERM HUP
    own_mounts | while read -r _ at _; do umount -l "$(printf '%b' "$at")" || fusermount3 -uz "$(printf '%b' "$at")"; done
    rm -rf --one-file-system "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step NAME COMMAND...: runs a check; a failure is told now, and again in the report with the command's last lines, or with $words
# where the command has set it
step() {
    local name=$1 at=$SECONDS code log to writer
    shift
    log=$(mktemp "$scratch/log.XXXXXX")
    printf '\n== %s\n' "$name"
    words=
    exec {to}> >(exec tee "$log")
    writer=$!
    "$@" </dev/null >&"$to" 2>&1 {to}>&-
    code=$?
    exec {to}>&-
    # a process that was left behind may hold the pipe open for ever
    for _ in {1..50}; do kill -0 "$writer" 2>/dev/null && sleep 0.1 || break; done
    if [ $code -eq 0 ]; then
        printf '== %s: ok, %d s\n' "$name" $((SECONDS - at))
    else
        printf '== %s: FAILED with exit code %d, %d s\n' "$name" $code $((SECONDS - at))
        printf '%s\n' "${words:-$(tail -n 12 "$log")}" >"$scratch/words-${#failed[@]}"
        failed+=("$name, exit code $code")
    fi
    return $code
}

# twice COMMAND...: for what asks others over the network
twice() { "$@" || { say "It failed; once more in 10 seconds: $*" && sleep 10 && "$@"; }; }

# No mount of this check is left; one that is just ending has its time. Mounts of others are none of its business.
left_behind() {
    for _ in {1..20}; do
        own_mounts >/dev/null || return 0
        sleep 0.5
    done
    own_mounts
    return 1
}

# Whole snapshots for the tests that look into guest memory: those that SNAPFS_SNAPSHOTS names, or ../shared/snapshots, whose
# memory files are unpacked, sparse, beside copies of the JSON files.
snapshots() {
    [ -z "${SNAPFS_SNAPSHOTS:-}" ] && [ -d ../shared/snapshots ] || return 0
    local entry source target file
    for entry in ../shared/snapshots/*/; do
        source=$entry
        [ -d "$entry/snapshot" ] && source=$entry/snapshot
        compgen -G "$source/*.json" >/dev/null || continue
        target=$scratch/snapshots/$(basename "$entry")
        mkdir -p "$target" && cp "$source"/*.json "$target/" && chmod -R u+w "$target" || return 1
        for file in "$source"/*.zst; do
            zstd --decompress --quiet --long=27 --sparse "$file" -o "$target/$(basename "$file" .zst)" || return 1
        done
    done
    export SNAPFS_SNAPSHOTS=$scratch/snapshots
    SNAPFS_TRUTH=$(cd ../shared/snapshots && pwd)
    export SNAPFS_TRUTH
}

# What a log may hold the end of is enough to know what failed
report() {
    local n
    printf '\n%d s in all\n' $((SECONDS - started))
    [ ${#notes[@]} -eq 0 ] || printf '%s\n' "${notes[@]}"
    [ ${#failed[@]} -eq 0 ] && return 0
    for n in "${!failed[@]}"; do
        printf 'FAILED: %s\n' "${failed[n]}"
        cut -c 1-300 "$scratch/words-$n" | sed 's/^/    /'
    done
    return 1
}
