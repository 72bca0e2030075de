# shellcheck shell=sh
# Sent before every program, in the same shell. POSIX sh; BusyBox's and dash's will do.
#
# A program speaks by records on descriptor 8, which only `put` and its kin write; whatever
# commands print goes to standard error, whose tail the client keeps for when something breaks.
# Whatever outlives the program should close it: `setsid CMD 8>&- </dev/null >/dev/null 2>&1 &`.
# Records of two writers at once would mix: put from one process at a time.
# Small files that it makes go by `trap … EXIT`, and with `trap 'exit 1' HUP INT PIPE TERM` beside it:
# dash runs the first for no signal, and a client that has gone is one.
# Parameters are shell variables in upper case; one that was not sent ends the program (set -u).

LC_ALL=C # ${#v} counts bytes, and messages are not translated
export LC_ALL
usual_umask=$(umask)
umask 077
set -u
PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
export PATH

# A place for small files: the usual one may be full or read-only.
usual_tmp=${TMPDIR:-/tmp}
for TMPDIR in "$usual_tmp" /var/tmp /dev/shm "${HOME:-/}"; do
    # Nothing that somebody has put there is opened: a pipe would hold us for ever.
    [ ! -e "$TMPDIR/.deployctl.$$" ] &&
        (set -C && printf '%65536s' '' >"$TMPDIR/.deployctl.$$") 2>/dev/null && break
    rm -f "$TMPDIR/.deployctl.$$" 2>/dev/null
done
rm -f "$TMPDIR/.deployctl.$$" 2>/dev/null
export TMPDIR

# put NAME VALUE: a record with exactly those bytes.
put() {
    printf '%s %s\n%s\n' "$1" "${#2}" "$2" >&8
}

# put_file NAME PATH: a record with the file's bytes, as many as it has now (it may still grow).
put_file() {
    _put_size=$(wc -c <"$2") || return 1
    _put_size=$((_put_size))
    {
        printf '%s %s\n' "$1" "$_put_size"
        head -c "$_put_size" "$2"
        printf '\n'
    } >&8
}

# finish: ends the program well, from anywhere but a subshell.
finish() {
    put end ''
    exit 0
}

# fail KIND MESSAGE: ends the program; the client raises ProgramFailed. Not from a subshell, where
# only the subshell would end.
fail() {
    put fail-kind "$1"
    put fail "$2"
    put end ''
    exit 1
}

# stream_lines NAME: each line of standard input is a record, as it comes. A last line without a
# newline counts.
stream_lines() {
    while IFS= read -r _line || [ -n "$_line" ]; do
        put "$1" "$_line"
        _line=
    done
}

# _tree PID…: those processes and all their descendants, on one line, each after its parent; then
# `moving` if one of them is not stopped (it may be about to start another).
_tree() {
    for _stat in /proc/[0-9]*/stat; do
        # `pid (name) state ppid …`, where the name may hold spaces and brackets
        { read -r _entry <"$_stat"; } 2>/dev/null || continue
        _pid=${_entry%% *}
        _rest=${_entry##*) }
        _state=${_rest%% *}
        _rest=${_rest#* }
        printf '%s %s %s\n' "$_pid" "${_rest%% *}" "$_state"
    done | awk -v roots="$*" '
        { children[$2] = children[$2] " " $1; state[$1] = $3 }
        function walk(pid, list, n, i) {
            if (pid in seen) return
            seen[pid] = 1
            line = line (line == "" ? "" : " ") pid
            if (pid in state && state[pid] !~ /[TtZX]/) moving = " moving"
            n = split(children[pid], list, " ")
            for (i = 1; i <= n; i++) walk(list[i])
        }
        END {
            n = split(roots, list, " ")
            for (i = 1; i <= n; i++) walk(list[i])
            print line moving
        }'
}

# _freeze PID…: stops the whole tree, so that none of it can start another process while we look.
# The tree is then in _frozen.
# shellcheck disable=SC2086 # lists of numbers
_freeze() {
    _frozen=$*
    _looks=0
    _still=0
    # What we may not stop (sudo's) moves on: no more than so many looks.
    while [ "$_looks" -lt 50 ]; do
        kill -STOP $_frozen 2>/dev/null
        _found=$(_tree $_frozen)
        if [ "$_found" = "$_frozen" ]; then
            # Only a look that began when all stood still has seen the last one's children.
            [ "$_still" = 0 ] || return 0
            _still=1
        else
            _still=0
            _frozen=${_found% moving}
        fi
        _looks=$((_looks + 1))
    done
}

# _any_runs PID…: whether one of them still runs. One that nobody has waited for yet does not.
_any_runs() {
    for _pid in "$@"; do
        { read -r _entry <"/proc/$_pid/stat"; } 2>/dev/null || continue
        case ${_entry##*) } in
            [ZX]*) ;;
            *) return 0 ;;
        esac
    done
    return 1
}

# _end_tree PID: asks PID and all its descendants to end, and after two seconds makes them.
# shellcheck disable=SC2086 # lists of numbers
_end_tree() {
    _freeze "$1"
    kill -TERM $_frozen 2>/dev/null
    kill -CONT $_frozen 2>/dev/null
    _tries=0
    while [ "$_tries" -lt 20 ] && _any_runs $_frozen; do
        sleep 0.1 2>/dev/null || sleep 1
        _tries=$((_tries + 1))
    done
    _freeze $_frozen
    kill -KILL $_frozen 2>/dev/null
}

# with_client CMD…: runs CMD, whose output (both streams) goes out live as `line` records, and
# returns its status. When the client goes (standard input ends), CMD and all its descendants end.
# Closing a channel does not end what runs on the host: this does. CMD's standard input is empty.
# Processes of another user (sudo) can't be ended by us; they end at the next line they write.
with_client() {
    _status_file=$(mktemp "$TMPDIR/deployctl.XXXXXX") || return 125
    {
        (
            # Not `exec`: CMD may be a function of the program.
            "$@" </dev/null 2>&1 8>&- 7<&- &
            _command=$!
            (
                # A heartbeat, or anything else that the client says, is no reason to stop.
                while read -r _ <&7; do :; done
                # CMD's end, which we bring about, must not stop us half-way.
                trap '' TERM
                _end_tree "$_command"
            ) >/dev/null 2>&1 8>&- &
            _watcher=$!
            exec 7<&-
            wait "$_command"
            printf '%s' "$?" >"$_status_file"
            kill -TERM "$_watcher" 2>/dev/null
            wait "$_watcher" 2>/dev/null
        ) | stream_lines line
    } 7<&0
    _status=$(cat "$_status_file")
    rm -f "$_status_file"
    return "${_status:-137}"
}
