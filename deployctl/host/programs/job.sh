# job.sh RUN [REASON]: the host's own half of a rollout. It holds the lock, swaps, and puts back; it is told
# what to do through RUN/control and tells what it did in RUN/log. It needs no client: without a
# confirmation it rolls back at the deadline. With REASON it finishes a run whose job was lost: it
# rolls back at once.
#
# RUN/settings   DOCKER COMPOSE_WORDS STATE_DIR STATE_GROUP LOCK_WAIT BUDGET STEP_TIMEOUT
#                PROJECT LIVE_AFTER DIES_AFTER UP_WORDS PUBLIC
#                FORWARD (1: a rollback that was asked for; it is finished, never undone)
# RUN/services   a line a service: name, scale, container IDs before (comma), image ID before,
#                image reference before, pin tag, config hashes before (comma), state before
#                (running, stopped, absent); `-` for none; separated by tabs
# RUN/edits      a line a file: number, digest before, digest after, image before (as it stood) or
#                `-`, image after, path; separated by tabs. RUN/edit.N.after holds the new bytes.
# RUN/state      one word and its reason: prepared, armed, swapped, confirmed, rolling_back,
#                rolled_back, rollback_failed, released
#include docker.sh

TAB=$(printf '\t')

say() {
	printf '%s\t%s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*" >>"$RUN/log"
}

# write_state WORD [REASON]: atomic, and on the disk before we go on.
write_state() {
	printf '%s\n' "$*" >"$RUN/state.new" && durable "$RUN/state.new" && mv "$RUN/state.new" "$RUN/state"
	durable "$RUN/state"
	say "state$TAB$*"
}

state() {
	cut -d' ' -f1 "$RUN/state" 2>/dev/null
}

# limited SECONDS COMMAND…: its output goes to RUN/console; 124 when it did not end in time.
limited() {
	seconds=$1
	shift
	"$@" >>"$RUN/console" 2>&1 3>&- &
	child=$!
	(
		exec 9>&- 3>&-
		# In single seconds, so that nothing of it outlives the command for long.
		while [ "$seconds" -gt 0 ] && [ -d "/proc/$child" ]; do
			sleep 1
			seconds=$((seconds - 1))
		done
		kill -TERM "$child" 2>/dev/null && sleep 5 && kill -KILL "$child" 2>/dev/null
	) >/dev/null 2>&1 &
	guard=$!
	wait "$child"
	result=$?
	kill "$guard" 2>/dev/null
	[ "$result" != 143 ] || result=124
	return "$result"
}

# last_words: the end of what Compose said, on one line.
last_words() {
	tail -n 5 "$RUN/console" | tr '\n\t' '  ' | cut -c 1-600
}

# replace FILE TEXT-FILE: FILE's content becomes TEXT-FILE's, atomically, with FILE's owner and mode.
replace() {
	temporary=$(dirname "$1")/.$(basename "$1").deployctl-$$
	cp -p "$1" "$temporary" &&
		cat "$2" >"$temporary" &&
		durable "$temporary" &&
		mv "$temporary" "$1" || {
		rm -f "$temporary"
		return 1
	}
	durable "$1"
}

# sweep SERVICE: removes the half-made containers that a killed Compose leaves under hashed names.
sweep() {
	dk ps -a --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
		--filter "label=com.docker.compose.service=$1" --format '{{.ID}} {{.Names}} {{.State}}' |
		while read -r id name found; do
			case $name in
			[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_*)
				[ "$found" = running ] || dk rm -f "$id" >/dev/null 2>&1
				;;
			esac
		done
}

# up SERVICE SCALE WORD…: this service, from the image that is there.
up() {
	service=$1
	scale=$2
	shift 2
	set -- up -d --no-build --pull never "$@"
	[ "$scale" -le 1 ] || set -- "$@" --scale "$service=$scale"
	limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" "$@" "$service"
}

# images_of SERVICE: the distinct image IDs of its containers.
images_of() {
	project_containers "$PROJECT" "$1" | inspect_all | sed 's/.*"imageId":"\([^"]*\)".*/\1/' | sort -u
}

changed_since_plan() {
	while IFS=$TAB read -r n before after literal image path; do
		[ -n "$n" ] || continue
		now=$(sha_of "$path" 2>/dev/null)
		[ "$now" = "$before" ] || echo "$path is not the file that was planned for (sha256 $now, planned $before)"
	done <"$RUN/edits"
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -n "$service" ] || continue
		seen=$(project_containers "$PROJECT" "$service" | sort | tr '\n' ',')
		[ "${seen%,}" = "${ids#-}" ] || echo "service $service has other containers (${seen%,}) than planned (${ids#-})"
		if [ "$ids" != - ]; then
			lines=$(project_containers "$PROJECT" "$service" | sort | inspect_all)
			seen=$(printf '%s\n' "$lines" | sed 's/.*"imageId":"\([^"]*\)".*/\1/' | sort -u)
			[ "$seen" = "$image" ] || echo "service $service runs image $seen, planned $image"
			seen=$(printf '%s\n' "$lines" | sed 's/.*"configHash":"\([^"]*\)".*/\1/' | tr '\n' ',')
			[ "${seen%,}" = "$hashes" ] || echo "service $service was recreated with another configuration"
		fi
	done <"$RUN/services"
}

# staged SIDE: the Compose words with the edited files replaced by their SIDE, before or after.
staged() {
	printf '%s\n' "$COMPOSE_WORDS" | while IFS= read -r word; do
		while IFS=$TAB read -r n before after literal image path; do
			[ "$word" != "$path" ] || word=$RUN/edit.$n.$1
		done <"$RUN/edits"
		printf '%s\n' "$word"
	done
}

# prepare: whatever a rollback will need exists before anything changes.
prepare() {
	while IFS=$TAB read -r n before after literal image path; do
		[ -n "$n" ] || continue
		cp -p "$path" "$RUN/edit.$n.before" && durable "$RUN/edit.$n.before" || {
			say "refused${TAB}backup$TAB$path"
			return 1
		}
		[ "$(sha_of "$RUN/edit.$n.before")" = "$before" ] || {
			say "refused${TAB}changed$TAB$path is not the file that was planned for"
			return 1
		}
	done <"$RUN/edits"
	# Both files must mean something to Compose, in the place of the live one.
	# A render that says nothing of itself has failed.
	renders=
	for side in before after; do
		echo 'Compose did not end' >"$RUN/render.$side"
		(compose "$(staged "$side")" config --images >"$RUN/images.$side" 2>"$RUN/render.$side" &&
			: >"$RUN/render.$side") 3>&- &
		renders="$renders $!"
	done
	# shellcheck disable=SC2086 # process IDs; a bare `wait` would wait for the ticker as well
	wait $renders
	for side in before after; do
		[ ! -s "$RUN/render.$side" ] || {
			say "refused${TAB}render-$side$TAB$(tr '\n\t' '  ' <"$RUN/render.$side")"
			return 1
		}
	done
	while IFS=$TAB read -r n before after literal image path; do
		[ -n "$n" ] || continue
		grep -Fxq -- "$image" "$RUN/images.after" || {
			say "refused${TAB}render-after${TAB}Compose does not see the image $image in the edited $path"
			return 1
		}
	done <"$RUN/edits"
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -n "$service" ] || continue
		[ "$image" != - ] || continue
		dk tag "$image" "$pin" 2>>"$RUN/console" || {
			say "refused${TAB}pin${TAB}the running image $image of $service can't be tagged"
			return 1
		}
	done <"$RUN/services"
}

# expect STATE: refuses an order that comes in another state.
expect() {
	[ "$(state)" = "$1" ] || {
		say "refused${TAB}state${TAB}the run is $(state), not $1"
		return 1
	}
}

backup() {
	expect prepared && prepare
}

# arm: from here on the host rolls back by itself unless it is told `confirm` in time.
arm() {
	expect prepared || return 1
	difference=$(changed_since_plan)
	if [ -n "$difference" ]; then
		say "refused${TAB}changed$TAB$(printf '%s' "$difference" | tr '\n' ';')"
		return 1
	fi
	printf '%s %s\n' "$(($(uptime_s) + BUDGET))" "$(boot_id)" >"$RUN/deadline" &&
		durable "$RUN/deadline" && write_state armed
}

swap() {
	expect armed || return 1
	while IFS=$TAB read -r n before after literal image path; do
		[ -n "$n" ] || continue
		replace "$path" "$RUN/edit.$n.after" || {
			say "failed${TAB}replace$TAB$path"
			return 1
		}
	done <"$RUN/edits"
	while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
		[ -n "$service" ] || continue
		# shellcheck disable=SC2086 # nothing, or --no-deps
		up "$service" "$scale" $UP_WORDS || {
			say "failed${TAB}up$TAB$service: $(last_words)"
			return 1
		}
	done 5<"$RUN/services"
	while IFS=$TAB read -r service rest; do
		[ -z "$service" ] || project_containers "$PROJECT" "$service" | inspect_all |
			sed -n "s/^{\"id\":\"\([^\"]*\)\".*\"imageId\":\"\([^\"]*\)\".*/container$TAB$service$TAB\1$TAB\2/p" |
			while IFS= read -r line; do say "$line"; done
	done <"$RUN/services"
	write_state swapped
}

# keep_evidence SERVICE: what a failed container can still tell, before it is removed.
keep_evidence() {
	project_containers "$PROJECT" "$1" | while IFS= read -r id; do
		printf '%s\n' "$id" | inspect_all
	done | scrub "$PROJECT" "$PUBLIC" >"$RUN/failed.$1.inspect.json"
	project_containers "$PROJECT" "$1" | while IFS= read -r id; do
		dk logs --tail 500 "$id" 2>&1 | tail -c 262144
	done | scrub "$PROJECT" "$PUBLIC" >"$RUN/failed.$1.log"
}

# put_back_file N BEFORE AFTER LITERAL IMAGE PATH: whole bytes while the file is still ours; of a
# foreign edit only the image is put back.
put_back_file() {
	now=$(sha_of "$6" 2>/dev/null)
	if [ "$now" = "$2" ]; then
		return 0
	elif [ "$now" = "$3" ]; then
		replace "$6" "$RUN/edit.$1.before"
	elif [ "$4" != - ] && grep -Fq -- "$5" "$6"; then
		say "note${TAB}foreign-edit$TAB$6 was edited during the run: kept, only its image is put back"
		awk -v new="$5" -v old="$4" '
			/image/ { at = index($0, new); if (at) $0 = substr($0, 1, at - 1) old substr($0, at + length(new)) }
			{ print }' "$6" >"$RUN/edit.$1.merged" && replace "$6" "$RUN/edit.$1.merged"
	else
		say "failed${TAB}foreign-edit$TAB$6 was edited during the run and no longer names $5"
		return 1
	fi
}

# put_back_service NAME SCALE IDS IMAGE REFERENCE PIN HASHES STATE
put_back_service() {
	service=$1 scale=$2 image=$4 reference=$5 pin=$6 held=$8
	if [ "$held" = absent ]; then
		limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" rm -sf "$service"
		return
	fi
	# The old file may say :latest, and that tag may have moved: point it where it was.
	dk image inspect "$image" >/dev/null 2>&1 || {
		say "failed${TAB}image-gone$TAB$service: the image $image that ran before is gone; the container is left as it is"
		return 1
	}
	case $reference in
	*@sha256:* | sha256:* | -) ;;
	*) dk tag "$image" "$reference" || return 1 ;;
	esac
	tries=0
	words=$UP_WORDS
	while :; do
		sweep "$service"
		if [ "$held" = stopped ]; then
			limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" up --no-start --no-deps --no-build --pull never "$service"
		else
			# A dependency that is ill must not stand in the way: only the first try asks for them.
			# shellcheck disable=SC2086
			up "$service" "$scale" $words
		fi && [ "$(images_of "$service")" = "$image" ] && return 0
		words=--no-deps
		tries=$((tries + 1))
		[ "$tries" -lt 4 ] || break
		sleep 1
	done
	say "failed${TAB}up$TAB$service: $(last_words)"
	return 1
}

rollback() {
	case $(state) in
	armed | swapped | rolling_back | rollback_failed) ;;
	prepared)
		write_state released "$1"
		return 0
		;;
	*)
		say "refused${TAB}state$TAB$(state)"
		return 1
		;;
	esac
	write_state rolling_back "$1"
	bad=0
	while IFS=$TAB read -r service rest; do
		[ -z "$service" ] || keep_evidence "$service"
	done <"$RUN/services"
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -n "$service" ] && [ "$image" != - ] || continue
		dk image inspect "$image" >/dev/null 2>&1 || {
			say "failed${TAB}image-gone$TAB$service: the image $image that ran before is gone; nothing was stopped"
			bad=1
		}
	done <"$RUN/services"
	if [ "$bad" = 0 ]; then
		while IFS=$TAB read -r n before after literal image path; do
			[ -z "$n" ] || put_back_file "$n" "$before" "$after" "$literal" "$image" "$path" || bad=1
		done <"$RUN/edits"
	fi
	if [ "$bad" = 0 ]; then
		while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
			[ -z "$service" ] ||
				put_back_service "$service" "$scale" "$ids" "$image" "$reference" "$pin" "$hashes" "$held" ||
				bad=1
		done 5<"$RUN/services"
	fi
	if [ "$bad" = 0 ]; then
		write_state rolled_back "$1"
	else
		write_state rollback_failed "$1"
	fi
	return "$bad"
}

confirm() {
	expect swapped || return 1
	for record in "$RUN"/release.*.json; do
		[ -f "$record" ] || continue
		name=$(basename "$record")
		name=${name#release.}
		cp "$record" "$STATE_DIR/releases/.$name" && durable "$STATE_DIR/releases/.$name" &&
			mv "$STATE_DIR/releases/.$name" "$STATE_DIR/releases/$name" || {
			say "failed${TAB}record$TAB$name"
			return 1
		}
	done
	if [ -n "$LIVE_AFTER" ]; then
		printf '%s\n' "$LIVE_AFTER" >"$STATE_DIR/.live" && durable "$STATE_DIR/.live" &&
			mv "$STATE_DIR/.live" "$STATE_DIR/live" || {
			say "failed${TAB}record${TAB}live"
			return 1
		}
	fi
	write_state confirmed
}

# finish_forward: a rollback whose client has gone is brought to its end.
finish_forward() {
	{ [ "$(state)" = swapped ] || swap; } && confirm || write_state rollback_failed "could not be finished"
}

# overdue: no confirmation came in time, or the client went before anything was changed.
overdue() {
	case $(state) in
	armed | swapped)
		if [ "$FORWARD" = 1 ]; then
			[ "$(($(uptime_s) - heard))" -lt "$DIES_AFTER" ] || finish_forward
			return
		fi
		read -r deadline _ <"$RUN/deadline"
		[ "$(uptime_s)" -lt "$deadline" ] || rollback "nobody confirmed by the deadline"
		;;
	prepared)
		[ "$(($(uptime_s) - heard))" -lt "$DIES_AFTER" ] || write_state released "the client went away"
		;;
	esac
}

# hear: the client was there just now; others may read when.
hear() {
	heard=$(uptime_s)
	printf '%s\n' "$heard" >"$RUN/heard"
}

note_history() {
	printf '{"run":%s,"state":"%s","epoch":%s}\n' "$(cat "$RUN/about.json")" "$(sed 's/[\\"]/ /g' "$RUN/state")" \
		"$(date +%s)" >>"$STATE_DIR/history.jsonl"
}

RUN=$1
REASON=${2:-}
# shellcheck source=/dev/null
. "$RUN/settings"
[ -z "$STATE_GROUP" ] || umask 007
cd / || exit 1
printf '%s\n' "$$" >"$RUN/pid"

exec 9>>"$STATE_DIR/lock"
waited=0
until flock -n 9; do
	if [ "$waited" -ge "$LOCK_WAIT" ]; then
		say "locked$TAB$(tr '\n\t' '  ' <"$STATE_DIR/lock.json" 2>/dev/null)"
		write_state released locked
		say end
		exit 0
	fi
	[ "$((waited % 5))" != 0 ] || say "waiting$TAB$(tr '\n\t' '  ' <"$STATE_DIR/lock.json" 2>/dev/null)"
	sleep 1
	waited=$((waited + 1))
done
cat "$RUN/about.json" >"$STATE_DIR/lock.json"
exec 3<>"$RUN/control"
[ -n "$(state)" ] || write_state prepared
say locked-by-us
(
	exec 9>&-
	while sleep 1 && [ -d "/proc/$$" ]; do
		echo tick >&3
	done
) &
ticker=$!
hear
[ -z "$REASON" ] || rollback "$REASON"
while :; do
	case $(state) in
	confirmed | rolled_back | rollback_failed | released) break ;;
	esac
	IFS= read -r order <&3 || continue
	case $order in
	tick) overdue ;;
	beat) hear ;;
	backup | arm | swap | confirm)
		hear
		if "$order"; then say "done$TAB$order"; else say "not-done$TAB$order"; fi
		;;
	rollback*) rollback "${order#rollback }" ;;
	release) [ "$(state)" != prepared ] || write_state released "asked to" ;;
	esac
done
kill "$ticker" 2>/dev/null
note_history
rm -f "$STATE_DIR/lock.json"
say end
