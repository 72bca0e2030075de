# command.sh: a user's own command on the host. Dies with the client.
#
# COMMAND      text for the shell
# ENVIRONMENT  shell assignments, exported to it

set -a
eval "$ENVIRONMENT"
set +a
out=$(mktemp) && err=$(mktemp) || fail no-space /tmp
trap 'rm -f "$out" "$err"' EXIT
(exec sh -c "$COMMAND") </dev/null >"$out" 2>"$err" 8>&- &
child=$!
(
	cat >/dev/null
	_end_tree "$child"
) <&0 8>&- &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
put exit "$code"
put stdout "$(tail -c 65536 "$out")"
put stderr "$(tail -c 65536 "$err")"
