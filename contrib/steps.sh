# Steps of a long check, for bash: what .ci/run and contrib/release-check share. Read by them, not run, after contrib/setup.sh.

failed=()
started=$SECONDS
scratch=$(mktemp -d)
mounts() { grep -c 'fuse\.snapfs' /proc/self/mounts; }
mounts_before=$(mounts)

trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step NAME COMMAND...: runs a check; a failure is told now, and again in the report
step() {
    local name=$1 at=$SECONDS code
    shift
    printf '\n== %s\n' "$name"
    "$@" </dev/null
    code=$?
    if [ $code -eq 0 ]; then
        printf '== %s: ok, %d s\n' "$name" $((SECONDS - at))
    else
        printf '== %s: FAILED with exit code %d, %d s\n' "$name" $code $((SECONDS - at))
        failed+=("$name")
    fi
    return $code
}

left_behind() {
    [ "$(mounts)" -le "$mounts_before" ] || { grep 'fuse\.snapfs' /proc/self/mounts && return 1; }
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

report() {
    printf '\n%d s in all\n' $((SECONDS - started))
    [ ${#failed[@]} -eq 0 ] && return 0
    printf 'FAILED: %s\n' "${failed[@]}"
    return 1
}
