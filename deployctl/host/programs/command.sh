# command.sh: a user's own command on the host. Dies with the client.  COMMAND, ENVIRONMENT (NAME=value lines)

while IFS= read -r word; do
	[ -z "$word" ] || export "${word?}"
done <<LIST
$ENVIRONMENT
LIST
out=$(mktemp) && err=$(mktemp) || fail no-space /tmp
trap 'rm -f "$out" "$err"' EXIT
(exec sh -c "$COMMAND") </dev/null >"$out" 2>"$err" &
child=$!
(
	cat >/dev/null
	kill "$child" 2>/dev/null
) <&0 &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
put exit "$code"
put stdout "$(tail -c 65536 "$out")"
put stderr "$(tail -c 65536 "$err")"
