# command.sh: a user's own command on the host. Dies with the client.
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
wait "$child"
code=$?
kill -TERM "$watcher" 2>/dev/null
put exit "$code"
put stdout "$(tail -c 65536 "$out")"
put stderr "$(tail -c 65536 "$err")"
