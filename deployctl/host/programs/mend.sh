# mend.sh: puts a reconstruction in the place of a broken Compose file, under the lock. Touches no
# container. What it replaces is kept in the run's directory.
#
# DOCKER COMPOSE_WORDS PROJECT PUBLIC   see docker.sh
# STATE_DIR STATE_GROUP RUN ABOUT       as in start.sh
# FILE FOUND       the file, symlinks resolved, and the digest of what lies there
# AFTER AFTER_SHA  its new bytes
#include docker.sh

[ -z "$STATE_GROUP" ] || umask 007
mkdir "$RUN" || fail no-space "$RUN"
printf '%s\n' "$ABOUT" >"$RUN/about.json" || fail no-space "$RUN"
exec 9>>"$STATE_DIR/lock"
flock -n 9 || fail locked "$STATE_DIR"
[ "$(sha_of "$FILE")" = "$FOUND" ] || fail changed "$FILE"
{ cp -p "$FILE" "$RUN/edit.1.found" && durable "$RUN/edit.1.found"; } || fail no-space "$RUN"
printf %s "$AFTER" >"$RUN/edit.1.after" || fail no-space "$RUN"
[ "$(sha_of "$RUN/edit.1.after")" = "$AFTER_SHA" ] || fail bad-staging "$RUN/edit.1.after"

# place TEXT-FILE: becomes the content of FILE, atomically, with its owner and mode.
new=$(dirname "$FILE")/.$(basename "$FILE").deployctl-new
place() {
	cleared "$new" && cp -p "$FILE" "$new" && cat "$1" >"$new" && durable "$new" && mv "$new" "$FILE" && durable "$FILE"
}
# Where it can't have its owner, `cp -p` makes it this user's without a word.
{ cp -p "$FILE" "$new" && [ "$(stat -c '%a %u %g' "$new")" = "$(stat -c '%a %u %g' "$FILE")" ]; } || {
	rm -f "$new"
	fail owner "$FILE"
}
place "$RUN/edit.1.after" || {
	rm -f "$new"
	fail replace "$FILE"
}
if ! compose "$COMPOSE_WORDS" config --quiet >"$RUN/said" 2>&1; then
	said=$(scrub_said "$PROJECT" "$PUBLIC" <"$RUN/said")
	place "$RUN/edit.1.found" || fail stuck "$RUN/edit.1.found"
	fail render "$said"
fi
printf '{"run":%s,"state":"repaired","epoch":%s}\n' "$(cat "$RUN/about.json")" "$(date +%s)" \
	>>"$STATE_DIR/history.jsonl"
put kept "$RUN/edit.1.found"
