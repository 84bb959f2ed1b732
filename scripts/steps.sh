# Sourced by scripts that run several steps. `step NAME COMMAND...` prints a heading, runs the command, and prints its
# time.

step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf -- '-- %s: FAILED after %d s. Again: %s\n' "$name" $((SECONDS - start)) "$*" >&2
        return 1
    fi
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - start))
}
