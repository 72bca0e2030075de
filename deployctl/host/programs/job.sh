# job.sh RUN [REASON]: the host's own half of a rollout. It holds the lock, swaps, and puts back; it
# is told what to do through RUN/control and tells what it did in RUN/log. It needs no client:
# without a confirmation it rolls back at the deadline. With REASON it finishes a run whose job was
# lost, at once: it rolls back, or, where the run was a rollback itself, brings that to its end.
# However often it is started for a run, one of them is at work; and each can take over where another
# was killed, at any step.
#
# RUN/settings   DOCKER COMPOSE_WORDS SERVICES STATE_DIR STATE_GROUP LOCK_WAIT BUDGET STEP_TIMEOUT
#                PROJECT LIVE_AFTER BY DIES_AFTER UP_WORDS PUBLIC GUARD (guard.sh)
#                FORWARD (1: a rollback that was asked for; it is finished, never undone)
#                JOURNAL (what the journal tells of the run: chain.sh)
# RUN/services   a line a service: name, scale (0: as the file says), container IDs before (comma), image ID before,
#                image reference before, pin tag, config hashes before (comma), state before
#                (running, stopped, absent); `-` for none; separated by tabs
# RUN/edits      a line a file: number, digest before, digest after, image before (as it stood) or
#                `-`, image after, path as Compose is given it, path without symlinks, digest of
#                what lies there (another than before where that is broken); separated by tabs.
#                RUN/edit.N.after holds the new bytes, RUN/edit.N.mended the reconstruction of a
#                broken file, RUN/edit.N.found what that was.
# RUN/dry-run    what Compose would have done on `up` when the plan was made
# RUN/unsafe     the name of a step that no rollback can undo, once it has begun
# RUN/running    the project's containers that ran when it got the lock, RUN/engine which Docker that was
# RUN/open       there until the job has come to its end
# RUN/boot.sh    what the host runs after a restart (guard.sh)
# RUN/state      one word and its reason: prepared, armed, swapped, confirmed, rolling_back,
#                rolled_back, rollback_failed, kept (a rollback would be unsafe), released
#include docker.sh
#include guard.sh
#include chain.sh

TAB=$(printf '\t')
# Seconds for which Compose's word on what `up` would do is good.
FRESH=5
# Seconds within which Docker answers again after a restart of its own; of the host (REASON) it may
# take longer, and nobody is there to try again.
PATIENCE=60
HOST_PATIENCE=600
# Seconds between two tries of a rollback that could not even be written down.
PACE=30
! timeout 5 true 2>/dev/null || LIMIT="timeout${NL}60"

say() {
	printf '%s\t%s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*" >>"$RUN/log"
}

# step NAME [WHAT]: is on the disk before what it names begins: whoever comes after us knows how far
# this run had come.
step() {
	say "step$TAB$*"
	durable "$RUN/log"
}

# write_state WORD [REASON]: atomic, and on the disk before we go on.
write_state() {
	step "state-$1"
	case $1 in
	rolling_back) spend state ;;
	confirmed | rolled_back | rollback_failed | kept) spend end ;;
	esac
	{
		printf '%s\n' "$*" >"$RUN/state.new" && durable "$RUN/state.new" &&
			mv "$RUN/state.new" "$RUN/state" && durable "$RUN/state" "$RUN"
	} || {
		say "failed${TAB}state${TAB}the state $1 could not be written"
		return 1
	}
	say "state$TAB$*"
}

state() {
	cut -d' ' -f1 "$RUN/state" 2>/dev/null
}

# limited SECONDS COMMAND…: its output goes to RUN/console; 124 when it did not end in time. It
# keeps the lock: while it is at work nobody else may be, even if this job is killed.
limited() {
	_seconds=$1
	shift
	"$@" </dev/null >>"$RUN/console" 2>&1 3>&- 7>&- &
	_child=$!
	rm -f "$RUN/late"
	(
		exec 9>&- 3>&- 7>&-
		# In single seconds, so that nothing of it outlives the command for long.
		while [ "$_seconds" -gt 0 ] && [ -d "/proc/$_child" ]; do
			sleep 1
			_seconds=$((_seconds - 1))
		done
		if [ -d "/proc/$_child" ]; then
			# Not `:`, which ends the shell where there is no room: it has to be ended all the same.
			true >"$RUN/late"
			_end_tree "$_child"
		fi
	) >/dev/null 2>&1 &
	_guard=$!
	wait "$_child"
	_result=$?
	if [ -f "$RUN/late" ]; then
		wait "$_guard"
		return 124
	fi
	kill "$_guard" 2>/dev/null
	return "$_result"
}

# last_words: the end of what Compose said, on one line, without secrets.
last_words() {
	last_bytes 65536 <"$RUN/console" | scrub_said "$PROJECT" "$PUBLIC" | tail -n 5 | tr '\n\t' '  ' | cut -c 1-600
}

# replace FILE TEXT-FILE [HASHES]: FILE's content becomes TEXT-FILE's, atomically, with FILE's owner and
# mode. With HASHES only if it has one of them to the last: somebody may just be saving it.
replace() {
	_new=$(dirname "$1")/.$(basename "$1").deployctl-new
	{ cleared "$_new" && cp -p "$1" "$_new" && cat "$2" >"$_new" && durable "$_new" && has_hash "$1" "${3:-}" &&
		mv "$_new" "$1" && durable "$1"; } || {
		rm -f "$_new"
		return 1
	}
}

# has_hash FILE HASHES: whether its is one of them; without any, whatever it is.
has_hash() {
	[ -z "$2" ] || case " $2 " in *" $(sha_of "$1" 2>/dev/null) "*) ;; *) return 1 ;; esac
}

# durable_run: all that the run keeps is on the disk. (Its FIFO is no file to sync.)
durable_run() {
	set --
	for _kept in "$RUN"/*; do
		[ ! -f "$_kept" ] || set -- "$@" "$_kept"
	done
	durable "$@"
}

# ready PATH: where the bytes of before wait beside PATH, so that putting them back needs no space.
ready() {
	printf '%s/.%s.deployctl-before\n' "$(dirname "$1")" "$(basename "$1")"
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
	_service=$1
	_scale=$2
	shift 2
	[ "$_scale" = 0 ] || set -- "$@" --scale "$_service=$_scale"
	limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" up -d --no-build --pull never "$@" "$_service"
}

# ids_of SERVICE: its container IDs, as RUN/services writes them.
ids_of() {
	_ids=$(project_containers "$PROJECT" "$1" | sort | tr '\n' ',')
	_ids=${_ids%,}
	printf '%s\n' "${_ids:--}"
}

# images_of SERVICE: the distinct image IDs of its containers.
images_of() {
	project_containers "$PROJECT" "$1" | inspect_all | sed 's/.*"imageId":"\([^"]*\)".*/\1/' | sort -u
}

# disturbed: of what Compose says of an `up`, what it would make anew. A start is no news: a
# service that crash-loops is up at one look and down at the next.
disturbed() {
	sed -n 's/.*Container \([^ ]*\)  *\([A-Z][a-z]*\).*/\1 \2/p' | sed 's/^[0-9a-f]\{12\}_//' |
		grep -v -E ' (Running|Waiting|Healthy|Exited|Created|Starting|Started)$' | sort -u
}

changed_since_plan() {
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		now=$(sha_of "$path" 2>/dev/null)
		[ "$now" = "$found" ] || echo "$path is not the file that was planned for (sha256 $now, planned $found)"
	done <"$RUN/edits"
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -n "$service" ] || continue
		lines=$(project_containers "$PROJECT" "$service" | sort | inspect_all)
		seen=$(printf '%s\n' "$lines" | sed 's/^{"id":"\([^"]*\)".*/\1/' | tr '\n' ',' | sed 's/,$//')
		if [ "${seen:--}" != "$ids" ]; then
			echo "service $service has other containers (${seen:--}) than planned ($ids)"
		elif [ "$ids" != - ]; then
			seen=$(printf '%s\n' "$lines" | sed 's/.*"imageId":"\([^"]*\)".*/\1/' | sort -u)
			[ "$seen" = "$image" ] || echo "service $service runs image $seen, planned $image"
			seen=$(printf '%s\n' "$lines" | sed 's/.*"configHash":"\([^"]*\)".*/\1/' | tr '\n' ',' | sed 's/,$//')
			[ "$seen" = "$hashes" ] || echo "service $service was recreated with another configuration"
		fi
	done <"$RUN/services"
}

# staged SIDE: the Compose words with the edited files replaced by their SIDE, before or after.
staged() {
	printf '%s\n' "$COMPOSE_WORDS" | while IFS= read -r word; do
		while IFS=$TAB read -r n before after literal image named path found; do
			[ "$word" != "$named" ] || word=$RUN/edit.$n.$1
		done <"$RUN/edits"
		printf '%s\n' "$word"
	done
}

# render SIDE: the images of that side in RUN/images.SIDE; RUN/render.SIDE is empty if it rendered.
render() {
	if compose "$(staged "$1")" config --images >"$RUN/images.$1" 2>"$RUN/render.$1.said"; then
		: >"$RUN/render.$1"
	else
		scrub_said "$PROJECT" "$PUBLIC" <"$RUN/render.$1.said" >"$RUN/render.$1"
	fi
	rm -f "$RUN/render.$1.said"
}

# ask_up: what `up` would do now, as far as the start.
ask_up() {
	_scales=$(awk -F "$TAB" '$2 { printf "--scale=%s=%s\n", $1, $2 }' "$RUN/services")
	# shellcheck disable=SC2086 # one service a line
	compose "$(meant)" --dry-run up --no-start --no-build --pull never $_scales $SERVICES >"$RUN/dry-run.now" 2>&1
}

# up_as_planned: what else Compose reads (other files, env files, other services) shows in what it
# would do.
up_as_planned() {
	if grep -q Container "$RUN/dry-run" && ! grep -q Container "$RUN/dry-run.now"; then
		say "refused${TAB}changed${TAB}docker compose up would now fail: $(scrub_said "$PROJECT" "$PUBLIC" <"$RUN/dry-run.now" | tail -n 3 | tr '\n\t' '  ')"
		return 1
	fi
	[ "$(disturbed <"$RUN/dry-run.now")" = "$(disturbed <"$RUN/dry-run")" ] && return
	say "refused${TAB}changed${TAB}docker compose up would now do something else than when the plan was made: $(disturbed <"$RUN/dry-run.now" | tr '\n' ' ')"
	return 1
}

# ask_compose: both renders, and what `up` would do now. Its own function, for `limited`, and in a
# shell of its own, for `wait`.
ask_compose() (
	render before &
	render after &
	ask_up &
	wait
)

# compose_agrees: both files mean something to Compose, in the place of the live one, and what it
# would do is what was planned.
compose_agrees() {
	asked=$(uptime_s)
	for side in before after; do
		echo 'Compose did not end' >"$RUN/render.$side"
	done
	: >"$RUN/dry-run.now"
	limited "$STEP_TIMEOUT" ask_compose
	for side in before after; do
		[ ! -s "$RUN/render.$side" ] || {
			say "refused${TAB}render-$side$TAB$(tr '\n\t' '  ' <"$RUN/render.$side")"
			return 1
		}
	done
	up_as_planned
}

# keeper PIN: the name of the container that holds the image.
keeper() {
	printf '%s' "$1" | tr '/:' '..'
}

# keep SERVICE PIN: a container that is never started holds the image, as `docker image prune -a`
# takes whatever has none; until tidy.sh lets it go. Without it the tag still holds.
keep() {
	dk rm -fv "$(keeper "$2")" >/dev/null 2>&1
	# The image may have Compose's labels, by which this would pass for a container of the project.
	dk create --name "$(keeper "$2")" --network none --entrypoint /never-started \
		--label "io.deployctl.keeps=$PROJECT/$1" --label "io.deployctl.state=$STATE_DIR" --label com.docker.compose.project= \
		--label com.docker.compose.service= "$2" >/dev/null 2>>"$RUN/console"
}

# keep_broken N PATH FOUND: of a broken file the bytes are kept, but no rollback goes back to them.
keep_broken() {
	[ -f "$RUN/edit.$1.mended" ] || return 0
	cp -p "$2" "$RUN/edit.$1.found" && [ "$(sha_of "$RUN/edit.$1.found")" = "$3" ] &&
		cat "$RUN/edit.$1.mended" >"$RUN/edit.$1.before" &&
		cat "$RUN/edit.$1.mended" >"$(ready "$2")" && durable "$RUN/edit.$1.found"
}

# meant: the Compose words for what is there before the swap; a broken file's reconstruction.
meant() {
	for _mended in "$RUN"/edit.*.mended; do
		[ ! -f "$_mended" ] || {
			staged before
			return
		}
	done
	printf '%s\n' "$COMPOSE_WORDS"
}

# reserve: a full disk must not be in the way of a rollback. Each thing that it writes has room of its
# own, so that one that fills up while it goes on is not in the way of the next either.
reserve() {
	for _what in record:1 live:1 state:1 evidence:16 file:16 forget:1 end:1; do
		# Of random bytes: some file systems need no room for zeros.
		dd if=/dev/urandom of="$RUN/reserve.${_what%:*}" bs=65536 count="${_what#*:}" 2>/dev/null &&
			durable "$RUN/reserve.${_what%:*}" || return 1
	done
}

# spend WHAT: its room is free for it now.
spend() {
	rm -f "$RUN/reserve.$1"
}

# prepare: whatever a rollback will need exists before anything changes.
prepare() {
	step keep-files
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		{ cp -p "$path" "$RUN/edit.$n.before" && cleared "$(ready "$path")" && cp -p "$path" "$(ready "$path")" &&
			keep_broken "$n" "$path" "$found" &&
			durable "$RUN/edit.$n.before" && durable "$(ready "$path")"; } || {
			say "refused${TAB}backup$TAB$path"
			return 1
		}
		[ "$(sha_of "$RUN/edit.$n.before")" = "$before" ] && [ "$(sha_of "$(ready "$path")")" = "$before" ] || {
			say "refused${TAB}changed$TAB$path is not the file that was planned for"
			return 1
		}
	done <"$RUN/edits"
	step reserve
	reserve || {
		say "refused${TAB}backup$TAB$RUN/reserve"
		return 1
	}
	if [ -f "$STATE_DIR/live" ]; then cp -p "$STATE_DIR/live" "$RUN/live.before" || return 1; fi
	step ask-compose
	compose_agrees || return 1
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		grep -Fxq -- "$image" "$RUN/images.after" || {
			say "refused${TAB}render-after${TAB}Compose does not see the image $image in the edited $named"
			return 1
		}
	done <"$RUN/edits"
	step pin-images
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
	expect prepared && prepare && remember && guard && durable_run
}

# guard: after a restart of the host, the host itself goes on from here.
guard() {
	step guard
	cp "$RUN/boot.sh" "$STATE_DIR/.boot.sh" && mv "$STATE_DIR/.boot.sh" "$STATE_DIR/boot.sh" || return 1
	guard_install "$GUARD" || say "note${TAB}guard${TAB}$(guard_told "$GUARD") could not be installed: after a restart of the host in the middle of this run, nothing goes on by itself"
}

# remember: how Compose finds this project, for a survey that meets no container of it any more.
remember() {
	printf '%s\n' "$SERVICES" >"$STATE_DIR/compose-services" &&
		printf '%s\n' "$COMPOSE_WORDS" >"$STATE_DIR/compose-words"
}

# images_are_there: what is to be switched to may have been removed since it was planned for.
images_are_there() {
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		dk image inspect --format '{{.Id}}' "$image" >/dev/null 2>>"$RUN/console" || {
			say "refused${TAB}image$TAB$image"
			return 1
		}
	done <"$RUN/edits"
}

# arm: from here on the host rolls back by itself unless it is told `confirm` in time.
arm() {
	expect prepared || return 1
	difference=$(changed_since_plan)
	if [ -n "$difference" ]; then
		say "refused${TAB}changed$TAB$(printf '%s' "$difference" | tr '\n' ';')"
		return 1
	fi
	for run in "$STATE_DIR"/runs/*/state; do
		case $run:$(cut -d' ' -f1 "$run" 2>/dev/null) in
		"$RUN/state":*) ;;
		*:armed | *:swapped | *:rolling_back | *:rollback_failed)
			say "refused${TAB}changed${TAB}the run $(basename "${run%/state}") is not at its end"
			return 1
			;;
		esac
	done
	images_are_there || return 1
	# A build may have taken an hour since.
	[ "$(($(uptime_s) - asked))" -lt "$FRESH" ] || compose_agrees || return 1
	printf '%s %s\n' "$(($(uptime_s) + BUDGET))" "$(boot_id)" >"$RUN/deadline" &&
		durable_run && write_state armed
}

# keep_all: what runs now is held while it is replaced, and afterwards.
keep_all() {
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -z "$service" ] || [ "$image" = - ] || keep "$service" "$pin"
	done <"$RUN/services"
}

swap() {
	expect armed || return 1
	# Beside the switch, and never in its way: without a keeper the tags still hold.
	(exec 9>&- 3>&- 7>&- && keep_all) &
	_keeping=$!
	switch
	_switched=$?
	_left=10
	while [ "$_left" -gt 0 ] && _any_runs "$_keeping"; do
		sleep 1
		_left=$((_left - 1))
	done
	[ "$_left" -gt 0 ] || _end_tree "$_keeping" >/dev/null 2>&1
	return "$_switched"
}

switch() {
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		step "replace-file $path"
		has_hash "$path" "$found $after" && replace "$path" "$RUN/edit.$n.after" "$found $after" || {
			if has_hash "$path" "$found $after"; then
				say "failed${TAB}replace$TAB$path"
			else
				say "failed${TAB}changed$TAB$path was edited after it was armed"
			fi
			return 1
		}
	done <"$RUN/edits"
	start_services || return 1
	while IFS=$TAB read -r service rest; do
		[ -z "$service" ] || project_containers "$PROJECT" "$service" | inspect_all |
			sed -n "s/^{\"id\":\"\([^\"]*\)\".*\"imageId\":\"\([^\"]*\)\".*/container$TAB$service$TAB\1$TAB\2/p" |
			while IFS= read -r line; do say "$line"; done
	done <"$RUN/services"
	write_state swapped
}

# start_services [HELD]: all, or those that were HELD before (running), as the file says.
start_services() {
	while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
		[ -n "$service" ] && [ "${1:-$held}" = "$held" ] || continue
		step "start-service $service"
		# shellcheck disable=SC2086 # nothing, or --no-deps
		up "$service" "$scale" $UP_WORDS || {
			say "failed${TAB}up$TAB$service: $(last_words)"
			return 1
		}
	done 5<"$RUN/services"
}

# keep_evidence: what failed containers can still tell, before they are removed.
keep_evidence() {
	while IFS=$TAB read -r service scale ids image rest; do
		[ -n "$service" ] && [ "$(ids_of "$service")" != "$ids" ] || continue
		project_containers "$PROJECT" "$service" |
			inspect_scrubbed "$PUBLIC" >"$RUN/failed.$service.inspect.json"
		project_containers "$PROJECT" "$service" | while IFS= read -r id; do
			dk logs --tail 500 "$id" 2>&1 | last_bytes 262144
		done | scrub "$PROJECT" "$PUBLIC" >"$RUN/failed.$service.log"
	done <"$RUN/services"
}

# containers_of_before: whether no service has other containers than when the plan was made.
containers_of_before() {
	while IFS=$TAB read -r service scale ids rest <&6; do
		[ -z "$service" ] || [ "$(ids_of "$service")" = "$ids" ] || return 1
	done 6<"$RUN/services"
}

# put_back_file N BEFORE AFTER LITERAL IMAGE NAMED PATH FOUND: whole bytes while the file is still
# ours, or gone; of a foreign edit only the image is put back. A broken file that lies there still
# says that nothing was swapped.
put_back_file() {
	now=$(sha_of "$7" 2>/dev/null)
	if [ "$now" = "$2" ]; then
		return 0
	elif [ "$now" = "$8" ] && containers_of_before; then
		unswapped=1
	elif [ "$now" = "$3" ] || [ "$now" = "$8" ] || [ ! -e "$7" ]; then
		if [ "$(sha_of "$(ready "$7")" 2>/dev/null)" = "$2" ]; then
			mv "$(ready "$7")" "$7" && durable "$7"
		else
			replace "$7" "$RUN/edit.$1.before"
		fi
	elif unedited "$1" "$4" "$5" "$7"; then
		say "note${TAB}foreign-edit$TAB$7 was edited during the run: kept, only its image is put back"
		replace "$7" "$RUN/edit.$1.merged" "$now"
	elif images_of_before; then
		# Put back by an earlier try, or by somebody; or it was never ours.
		say "note${TAB}foreign-edit$TAB$7 was edited during the run: kept, and it names the images of before"
	else
		say "failed${TAB}foreign-edit$TAB$7 was edited during the run and no longer names $5"
		return 1
	fi
}

# unedited N LITERAL IMAGE PATH: RUN/edit.N.merged is somebody's edit of our file, without our own: line by
# line, as we changed them. Of one image, a line that was edited as well.
unedited() {
	spend file
	awk '
		FNR == 1 { file++ }
		file == 1 { before[++b] = $0; next }
		file == 2 { after[++a] = $0; next }
		{ now[++n] = $0 }
		END {
			i = 1
			for (j = 1; j <= a; j++) {
				if (i <= b && before[i] == after[j]) { i++; continue }
				ours[++lines] = after[j]
				added[lines] = i > b || (j < a && after[j + 1] == before[i])
				if (!added[lines]) theirs[lines] = before[i++]
			}
			for (x = 1; x <= n; x++) {
				if (done < lines && now[x] == ours[done + 1]) {
					if (!added[++done]) print theirs[done]
				} else {
					for (k in ours) if (now[x] == ours[k]) exit 1
					print now[x]
				}
			}
			exit !(lines && done == lines && i == b + 1)
		}' "$RUN/edit.$1.before" "$RUN/edit.$1.after" "$4" >"$RUN/edit.$1.merged" && return
	[ "$2" != - ] && [ "$(grep -c . "$RUN/services")" = 1 ] &&
		awk -v new="$3" -v old="$2" '
			/image["'\'']?[ \t]*:/ {
				at = index($0, new)
				if (at && substr($0, at + length(new), 1) !~ /[A-Za-z0-9_.:@\/-]/) {
					$0 = substr($0, 1, at - 1) old substr($0, at + length(new))
					found++
				}
			}
			{ print }
			END { exit found != 1 }' "$4" >"$RUN/edit.$1.merged"
}

# images_of_before: whether the files as they lie there name, for every service, what ran before.
images_of_before() {
	compose "$COMPOSE_WORDS" config --images >"$RUN/images.now" 2>>"$RUN/console" || return 1
	while IFS=$TAB read -r service scale ids image reference rest <&6; do
		[ -z "$service" ] || [ "$reference" = - ] || grep -Fxq -- "$reference" "$RUN/images.now" || return 1
	done 6<"$RUN/services"
}

# put_back_service NAME SCALE IDS IMAGE REFERENCE PIN HASHES STATE
put_back_service() {
	if [ "$8" = absent ]; then
		limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" rm -sf "$1"
		return
	fi
	_tries=0
	_words=$UP_WORDS
	while :; do
		engine_back || return 1
		# The old file may say :latest, and that tag may have moved: point it where it was.
		case $5 in
		*@sha256:* | sha256:* | -) ;;
		*) dk tag "$4" "$5" 2>>"$RUN/console" ;;
		esac
		sweep "$1"
		if [ "$8" = stopped ]; then
			limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" up --no-start --no-deps --no-build --pull never "$1"
		else
			# A dependency that is ill must not stand in the way: only the first try asks for them.
			# shellcheck disable=SC2086
			up "$1" "$2" $_words
		fi && [ "$(images_of "$1")" = "$4" ] && return 0
		_words=--no-deps
		_tries=$((_tries + 1))
		[ "$_tries" -lt 4 ] || break
		sleep 1
	done
	say "failed${TAB}up$TAB$1: $(last_words)"
	return 1
}

# forget_release: what a confirmation that was cut short may have recorded.
forget_release() {
	for record in "$RUN"/release.*.json; do
		[ ! -f "$record" ] || rm -f "$STATE_DIR/releases/$(basename "${record#"$RUN"/release.}")"
	done
	if [ ! -f "$RUN/live.before" ]; then
		rm -f "$STATE_DIR/live"
	elif [ "$(cat "$RUN/live.before")" != "$(cat "$STATE_DIR/live" 2>/dev/null)" ]; then
		cp -p "$RUN/live.before" "$STATE_DIR/.live" && mv "$STATE_DIR/.live" "$STATE_DIR/live"
	fi || {
		say "failed${TAB}record${TAB}live"
		return 1
	}
}

# engine_back: waits for Docker to answer. One that is being restarted knows no image, but that
# doesn't mean that they are gone.
engine_back() {
	_until=$(($(uptime_s) + PATIENCE))
	until limited 10 dk version; do
		[ "$(uptime_s)" -lt "$_until" ] || {
			say "failed${TAB}engine${TAB}Docker does not answer on the host"
			return 1
		}
		sleep 1
	done
}

# engine_mark: another one after each start of Docker's, where that can be told.
engine_mark() {
	_pid=$(cat /run/docker.pid 2>/dev/null || pidof dockerd)
	printf '%s %s\n' "$(boot_id)" "$(sed 's/.*) //' "/proc/${_pid%% *}/stat" 2>/dev/null | cut -d' ' -f20)"
}

# note_running: what an engine that is restarted meanwhile leaves down is started again.
note_running() {
	[ ! -f "$RUN/engine" ] || return 0
	# The oldest first: what others depend on was made before them.
	dk ps -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
		--filter "label=com.docker.compose.oneoff=False" 2>>"$RUN/console" |
		sed '1!G;h;$!d' >"$RUN/running"
	engine_mark >"$RUN/engine"
}

engine_restarted() {
	[ "$(engine_mark)" != "$(cat "$RUN/engine" 2>/dev/null)" ]
}

# wake: starts, and never makes anew, what ran when the run began and does no more: the engine, or the
# host, was restarted, and not every container has a restart policy. `wake beside`: but for those of
# the services, which are put in place otherwise.
wake() {
	engine_restarted && [ -s "$RUN/running" ] || return 0
	say "note${TAB}engine-restarted${TAB}Docker was restarted during the run"
	# One that needs another to be there first ends again, and is started again.
	_rounds=5
	while [ "$_rounds" -gt 0 ] && start_stopped "${1:-}"; do
		_rounds=$((_rounds - 1))
		sleep 2
	done
}

# start_stopped [beside]: whether one was down.
start_stopped() {
	_down=1
	while IFS= read -r id <&6; do
		case $(dk inspect --format '{{.State.Status}}' "$id" 2>/dev/null) in
		exited | created) ;;
		*) continue ;;
		esac
		[ "$1" != beside ] || ! grep -Fq -- "$id" "$RUN/services" || continue
		_down=0
		step "wake-container $id"
		dk start "$id" >/dev/null 2>>"$RUN/console" || say "note${TAB}wake${TAB}the container $id ran before and can't be started"
	done 6<"$RUN/running"
	return "$_down"
}

# stay_up: Docker may have been restarted since: what serves at the end of a run is up.
stay_up() {
	engine_restarted && engine_back || return 0
	case $(state) in
	confirmed) wake beside && start_services ;;
	rolled_back) wake beside && start_services running ;;
	released) wake ;;
	esac
}

# image_there IMAGE: 1 if Docker says that it is not, 2 if it does not say: that is no word against it.
image_there() {
	_asked=3
	while [ "$_asked" -gt 0 ]; do
		_word=$(dk image inspect --format '{{.Id}}' "$1" 2>&1) && return 0
		case $_word in *[Nn]'o such image'*) return 1 ;; esac
		_asked=$((_asked - 1))
		engine_back || return 2
		sleep 1
	done
	return 2
}

# put_back: everything as it was. Safe to run again, from wherever it was cut off. 2 where there is
# nothing to go back to.
put_back() {
	bad=0
	unswapped=0
	[ -s "$RUN/services" ] || {
		say "failed${TAB}services${TAB}what ran before is not on record; nothing was changed"
		return 1
	}
	step wait-for-docker
	engine_back || return 1
	while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
		[ -n "$service" ] && [ "$image" != - ] || continue
		image_there "$image"
		case $? in
		0) ;;
		1)
			say "failed${TAB}image-gone$TAB$service: the image $image that ran before is gone; nothing was stopped"
			bad=2
			;;
		*)
			say "failed${TAB}engine${TAB}Docker does not say whether the image $image is there"
			return 1
			;;
		esac
	done 5<"$RUN/services"
	[ "$bad" = 0 ] || return "$bad"
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		step "restore-file $path"
		put_back_file "$n" "$before" "$after" "$literal" "$image" "$named" "$path" "$found" || bad=1
	done <"$RUN/edits"
	[ "$bad" = 0 ] || return 1
	if [ "$unswapped" = 1 ]; then
		wake
		return 0
	fi
	wake beside
	while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
		[ -n "$service" ] || continue
		step "restore-service $service"
		put_back_service "$service" "$scale" "$ids" "$image" "$reference" "$pin" "$hashes" "$held" ||
			bad=1
	done 5<"$RUN/services"
	step forget-release
	spend forget
	forget_release || bad=1
	[ "$bad" != 0 ] || while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		# What runs again needs no other container to hold its image.
		[ -z "$service" ] || dk rm -fv "$(keeper "$pin")" >/dev/null 2>&1
	done <"$RUN/services"
	return "$bad"
}

rollback() {
	case $(state) in
	armed | swapped | rolling_back | rollback_failed) ;;
	prepared)
		leave "$1"
		return
		;;
	*)
		say "refused${TAB}state$TAB$(state)"
		return 1
		;;
	esac
	if [ "$FORWARD" = 1 ]; then
		finish_forward
		return
	fi
	if [ -s "$RUN/unsafe" ]; then
		write_state kept "the step $(cat "$RUN/unsafe") has run, and is declared \`rollback: unsafe\`"
		return
	fi
	go_back "$1"
}

# serving: whether what was switched to runs, with what ran beside it. Docker may have been restarted
# since the gates looked.
serving() {
	! engine_restarted || { engine_back && wake beside; }
	while IFS=$TAB read -r service scale rest <&6; do
		[ -n "$service" ] || continue
		_running=$(dk ps -q --filter status=running --filter "label=com.docker.compose.project=$PROJECT" \
			--filter "label=com.docker.compose.service=$service" | wc -l)
		[ "$_running" -ge 1 ] && [ "$_running" -ge "$scale" ] || {
			say "refused${TAB}down$TAB$service"
			return 1
		}
	done 6<"$RUN/services"
}

# confirm RUN-ID: only the run that is meant.
confirm() {
	[ "${1:-}" = "${RUN##*/}" ] || {
		say "refused${TAB}foreign${TAB}the confirmation is of run ${1:-}"
		return 1
	}
	expect swapped || return 1
	if [ "$FORWARD" != 1 ]; then
		read -r deadline boot <"$RUN/deadline"
		[ "$(uptime_s)" -lt "$deadline" ] && [ "$boot" = "$(boot_id)" ] || {
			say "refused${TAB}late${TAB}the deadline has passed"
			return 1
		}
	fi
	[ "${2:-}" = unproven ] || serving || {
		rollback "it did not run any more when it was confirmed"
		return 1
	}
	step record-release
	spend record
	for record in "$RUN"/release.*.json; do
		[ -f "$record" ] || continue
		name=$(basename "$record")
		name=${name#release.}
		{ cp "$record" "$STATE_DIR/releases/.$name" && durable "$STATE_DIR/releases/.$name" &&
			mv "$STATE_DIR/releases/.$name" "$STATE_DIR/releases/$name"; } || {
			say "failed${TAB}record$TAB$name"
			return 1
		}
	done
	step record-live
	spend live
	{ printf '%s\n' "$LIVE_AFTER" "$BY" >"$STATE_DIR/.live" && durable "$STATE_DIR/.live" &&
		mv "$STATE_DIR/.live" "$STATE_DIR/live"; } || {
		say "failed${TAB}record${TAB}live"
		return 1
	}
	write_state confirmed "${2:-}"
}

# finish_forward: a rollback that was asked for is brought to its end. Where it can't be (its image is
# gone, say), what held before is better than something half-way.
finish_forward() {
	tried=$(uptime_s)
	case $(state) in
	rolling_back | rollback_failed) write_state armed "once more" ;;
	esac
	engine_back && wake beside
	if [ "$(state)" = swapped ]; then
		! engine_restarted || start_services
	else
		swap || swap
	fi || {
		go_back "it could not be finished"
		return
	}
	# Where that can't be written now, it is tried again: what serves is what was asked for.
	confirm "${RUN##*/}" unproven
}

# leave REASON: nothing was changed, by us.
leave() {
	! engine_restarted || { engine_back && wake; }
	write_state released "$1"
}

# go_back REASON
go_back() {
	tried=$(uptime_s)
	write_state rolling_back "$1"
	step keep-evidence
	spend evidence
	limited 15 keep_evidence
	put_back
	case $? in
	0) write_state rolled_back "$1" ;;
	# Neither a person nor the next rollout gains by a run that can only fail again.
	2) write_state kept "the image that ran before is gone" ;;
	*)
		write_state rollback_failed "$1"
		return 1
		;;
	esac
}

# overdue: no confirmation came in time, or the client went before anything was changed.
overdue() {
	case $(state) in
	armed | swapped)
		if [ "$FORWARD" = 1 ]; then
			[ "$(($(uptime_s) - heard))" -lt "$DIES_AFTER" ] || [ "$(($(uptime_s) - tried))" -lt "$PACE" ] ||
				finish_forward
			return
		fi
		read -r deadline _ <"$RUN/deadline"
		[ "$(uptime_s)" -lt "$deadline" ] || {
			# Nobody is there to try again.
			PATIENCE=$HOST_PATIENCE
			rollback "nobody confirmed by the deadline"
		}
		;;
	rolling_back)
		# Its end could not be written: a full disk, perhaps.
		[ "$(($(uptime_s) - tried))" -lt "$PACE" ] || rollback "once more"
		;;
	prepared)
		[ "$(($(uptime_s) - heard))" -lt "$DIES_AFTER" ] || leave "the client went away"
		;;
	esac
}

# hear [PHASE]: the client was there just now, and says what it is about; others may read both.
hear() {
	heard=$(uptime_s)
	printf '%s\n' "$heard" >"$RUN/heard"
	[ -z "${1:-}" ] || printf '%s\n' "$1" >"$RUN/phase"
}

# declare_unsafe STEP: a step that no rollback can undo is about to begin.
declare_unsafe() {
	printf '%s\n' "$1" >"$RUN/unsafe" && durable "$RUN/unsafe"
}

# obey ORDER COMMAND…: does it, and says whether it was done.
obey() {
	_order=$1
	shift
	hear
	if "$@"; then say "done$TAB$_order"; else say "not-done$TAB$_order"; fi
	# A long order is no silence of the client's.
	hear
}

clean_up() {
	step clean-up
	rm -f "$RUN"/reserve.*
	# A build that a restart cut off has left its secrets there.
	rm -rf "$STATE_DIR/upload/${RUN##*/}"
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -z "$n" ] || rm -f "$(ready "$path")"
	done <"$RUN/edits"
}

note_history() {
	# One that took over may find it noted.
	! grep -Fq "\"${RUN##*/}\"" "$STATE_DIR/history.jsonl" 2>/dev/null || return 0
	printf '{"run":%s,"state":"%s","epoch":%s}\n' "$(cat "$RUN/about.json")" \
		"$(sed 's/[\\"]/ /g' "$RUN/state")" "$(date +%s)" >>"$STATE_DIR/history.jsonl"
}

# enter EVENT FIELDS: in the journal. What stands in the way of that, a full disk, is in the way of
# nothing else.
enter() {
	journal_add "$1" "${RUN##*/}" "$2" 7>&- ||
		say "note${TAB}journal${TAB}the journal $STATE_DIR/journal.jsonl could not be written: this run's $1 is missing there"
}

RUN=$1
REASON=${2:-}
# shellcheck source=/dev/null
. "$RUN/settings"
[ -z "$STATE_GROUP" ] || umask 007
cd / || exit 1
# One job a run. A child of a killed one may hold this for a while.
exec 7>>"$RUN/own"
tries=0
until flock -n 7; do
	tries=$((tries + 1))
	[ "$tries" -lt "$STEP_TIMEOUT" ] || exit 0
	sleep 1
done
printf '%s\n' "$$" >"$RUN/pid"
touch "$RUN/services" "$RUN/edits"
[ -p "$RUN/control" ] || mkfifo "$RUN/control"

# Open before the lock is waited for: what the client says meanwhile is not lost.
exec 3<>"$RUN/control"
hear
exec 9>>"$STATE_DIR/lock"
# A survey holds the lock for an instant; a lost job's Compose until it is done.
patience=$((LOCK_WAIT + 2))
[ -z "$REASON" ] || patience=$((STEP_TIMEOUT + 30))
waited=0
until flock -n 9; do
	if [ "$waited" -ge "$patience" ]; then
		say "locked$TAB$(tr '\n\t' '  ' <"$STATE_DIR/lock.json" 2>/dev/null)"
		# An armed run stays what it is: somebody else is at it.
		[ -n "$(state)" ] || write_state released locked
		say end
		exit 0
	fi
	heard=$(cat "$RUN/heard" 2>/dev/null)
	if [ -z "$REASON" ] && [ -n "$heard" ] && [ "$(($(uptime_s) - heard))" -ge "$DIES_AFTER" ]; then
		write_state released "the client went away"
		say end
		exit 0
	fi
	[ "$((waited % 5))" != 2 ] || say "waiting$TAB$(tr '\n\t' '  ' <"$STATE_DIR/lock.json" 2>/dev/null)"
	sleep 1
	waited=$((waited + 1))
done
cat "$RUN/about.json" >"$STATE_DIR/lock.json"
note_running
true >"$RUN/open"
[ -n "$(state)" ] || write_state prepared || {
	say end
	exit 1
}
tried=$(($(uptime_s) - PACE))
case $REASON in 'the host was restarted' | 'its job on the host was killed') PATIENCE=$HOST_PATIENCE ;; esac
say locked-by-us
enter begin "${JOURNAL:-}"
(
	exec 9>&- 7>&-
	while sleep 1 && [ -d "/proc/$$" ]; do
		echo tick >&3
	done
	# Killed: nothing else here would bring the run to its end.
	exec 3>&-
	exec sh "$RUN/job.sh" "$RUN" "its job on the host was killed"
) &
ticker=$!
hear
case $REASON:$(state) in
:* | *:confirmed | *:rolled_back | *:kept | *:released) ;;
*) rollback "$REASON" ;;
esac
while :; do
	case $(state) in
	confirmed | rolled_back | rollback_failed | kept | released) break ;;
	esac
	IFS= read -r order <&3 || continue
	case $order in
	tick) overdue ;;
	beat*) hear "${order#beat}" ;;
	backup | arm | swap) obey "$order" "$order" ;;
	confirm*) obey confirm confirm "${order#confirm }" ;;
	unsafe\ *) obey unsafe declare_unsafe "${order#unsafe }" ;;
	rollback*) rollback "${order#rollback }" ;;
	release) [ "$(state)" != prepared ] || leave "asked to" ;;
	esac
done
kill "$ticker" 2>/dev/null
case $(state) in
rollback_failed) ;;
*) clean_up ;;
esac
enter end ",\"state\":\"$(state)\""
note_history
stay_up
rm -f "$RUN/open" "$STATE_DIR/lock.json"
say end
