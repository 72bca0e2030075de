# command.sh: a user's own command on the host. Dies with the client; where nobody tells the host that
# the client is gone, after TIMEOUT seconds.
#
# COMMAND      text for the shell
# ENVIRONMENT  shell assignments, exported to it

out=$(mktemp "$TMPDIR/deployctl.XXXXXX") && err=$(mktemp "$TMPDIR/deployctl.XXXXXX") || fail no-space "$TMPDIR"
trap 'rm -f "$out" "$err"' EXIT
trap 'exit 1' HUP INT PIPE TERM
exec 7<&0
# with_theirs TEXT: the user's variables, which may have any name, are for the text only.
with_theirs() {
	umask "$usual_umask"
	set -a
	eval "$ENVIRONMENT"
	exec sh -c "$1"
}
(with_theirs "$COMMAND") </dev/null >"$out" 2>"$err" 7<&- 8>&- &
child=$!
(
	while read -r _ <&7; do :; done
	trap '' TERM
	_end_tree "$child"
) >/dev/null 2>&1 8>&- &
watcher=$!
exec 7<&-
(
	left=$TIMEOUT
	while [ "$left" -gt 0 ] && [ -d "/proc/$child" ]; do
		sleep 1
		left=$((left - 1))
	done
	trap '' TERM
	_end_tree "$child"
) >/dev/null 2>&1 8>&- &
clock=$!
wait "$child"
code=$?
kill -TERM "$watcher" "$clock" 2>/dev/null
put exit "$code"
put stdout "$(tail -c 65536 "$out")"
put stderr "$(tail -c 65536 "$err")"
