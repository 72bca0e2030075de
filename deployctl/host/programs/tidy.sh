# tidy.sh: removes what retention lets go (engines/retention.py). Whatever has found a use since it
# was decided stays, and Docker is never told to force anything.
#
# DOCKER STATE_DIR STATE_GROUP
# ROOT       Docker's data directory, or empty
# RUN_ID     the run that has just been confirmed, in whose name this is done
# LIVE       its release: if another is live by now, nothing is touched
# KEEPERS    container IDs, one a line
# TAGS       image ID and reference, and a word more where the image is another's, one a line; with
#            spaces between
# IMAGES     IDs of images that have no reference, one a line
# RUNS       runs, one a line
# RECORDS    release numbers, one a line
# CACHE      bytes of build cache that may stay; empty: all of it
#include docker.sh
#include containers.sh
#include made.sh

[ -z "$STATE_GROUP" ] || umask 007
[ -z "$LIMIT" ] || LIMIT="timeout${NL}120"
failed=

# try COMMAND…: Docker does it, or its words are kept.
try() {
	_said=$(dk "$@" </dev/null 2>&1 9>&-) || failed="$failed$_said$NL"
}

# plain WORD: whether it is safe as a part of a path.
plain() {
	case $1 in '' | .* | *[!A-Za-z0-9.-]*) return 1 ;; esac
}

# ended RUN: whether it is at an end.
ended() {
	case $(cut -d' ' -f1 "$STATE_DIR/runs/$1/state" 2>/dev/null) in
	confirmed | rolled_back | kept | released) ;;
	*) return 1 ;;
	esac
}

# Under the lock: a rollback may be about to go to what is removed here. The job of our own run has
# it for a moment yet.
exec 9>>"$STATE_DIR/lock"
tries=0
until flock -n 9; do
	holder=$(cat "$STATE_DIR/lock.json" 2>/dev/null)
	case $holder in '' | *"\"$RUN_ID\""*) ;; *) tries=100 ;; esac
	[ "$tries" -lt 50 ] || fail busy 'another rollout has begun'
	tries=$((tries + 1))
	sleep 0.1 2>/dev/null || sleep 1
done
[ "$(sed -n 1p "$STATE_DIR/live" 2>/dev/null)" = "$LIVE" ] || fail busy 'another release is live by now'
for run in "$STATE_DIR"/runs/*/state; do
	case $(cut -d' ' -f1 "$run" 2>/dev/null) in
	armed | swapped | rolling_back) fail busy "$run says that it is not at its end" ;;
	esac
done
trap 'rm -f "$STATE_DIR/lock.json"' EXIT
trap 'exit 1' HUP INT PIPE TERM
cat "$STATE_DIR/runs/$RUN_ID/about.json" >"$STATE_DIR/lock.json" 2>/dev/null
echo clean-up >"$STATE_DIR/runs/$RUN_ID/phase" 2>/dev/null
before=$(free_bytes "$ROOT")

while IFS= read -r id; do
	[ -n "$id" ] || continue
	found=$(dk inspect --type container --format '{{.State.Status}} {{index .Config.Labels "io.deployctl.state"}}' "$id" 2>/dev/null)
	[ "$found" != "created $STATE_DIR" ] || try rm -v "$id"
done <<LIST
$KEEPERS
LIST

used=$(every_container '{{.Image}}') || fail docker 'the containers of the host could not be listed'
while read -r id reference whose; do
	case $NL$used$NL in *"$NL$id$NL"*) continue ;; esac
	[ -n "$reference" ] || continue
	[ "$(dk image inspect --format '{{.Id}}' "$reference" 2>/dev/null)" = "$id" ] || continue
	# Its owner's name for it may have gone since: then ours is what holds it.
	[ -z "$whose" ] || [ "$(dk image inspect --format '{{len .RepoTags}}' "$id" 2>/dev/null)" -gt 1 ] 2>/dev/null || continue
	try rmi "$reference"
done <<LIST
$TAGS
LIST
while IFS= read -r id; do
	case $NL$used$NL in *"$NL$id$NL"*) continue ;; esac
	[ -n "$id" ] || continue
	[ "$(dk image inspect --format '{{len .RepoTags}}{{len .RepoDigests}}' "$id" 2>/dev/null)" != 00 ] || try rmi "$id"
done <<LIST
$IMAGES
LIST

while IFS= read -r run; do
	plain "$run" && ended "$run" || continue
	rm -rf "$STATE_DIR/runs/$run" || failed="$failed$STATE_DIR/runs/$run can't be removed$NL"
done <<LIST
$RUNS
LIST
while IFS= read -r number; do
	! plain "$number" || rm -f "$STATE_DIR/releases/$number.json"
done <<LIST
$RECORDS
LIST
# The lock is held, so nobody sends anything: what is here was left by runs that were cut off.
rm -rf "$STATE_DIR"/upload/*
if [ "$(wc -l 2>/dev/null <"$STATE_DIR/made")" -gt 1000 ]; then
	tail -n 500 "$STATE_DIR/made" >"$STATE_DIR/.made" && mv "$STATE_DIR/.made" "$STATE_DIR/made"
fi

rm -f "$STATE_DIR/lock.json"
trap - EXIT
exec 9>&-
# Of the engine's cache, which is everybody's, as much as was asked for; builds under way have theirs.
[ -z "$CACHE" ] || try builder prune --force --keep-storage "$CACHE"
put freed "$(taken "$(free_bytes "$ROOT")" "$before")"
put failed "$failed"
