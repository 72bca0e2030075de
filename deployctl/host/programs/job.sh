# job.sh RUN [REASON]: the host's own half of a rollout. It holds the lock, swaps, and puts back; it
# is told what to do through RUN/control and tells what it did in RUN/log. It needs no client:
# without a confirmation it rolls back at the deadline. With REASON it finishes a run whose job was
# lost, at once: it rolls back, or, where the run was a rollback itself, brings that to its end.
# However often it is started for a run, one of them is at work; and each can take over where another
# was killed, at any step.
#
# RUN/settings   DOCKER COMPOSE_WORDS SERVICES STATE_DIR STATE_GROUP LOCK_WAIT BUDGET STEP_TIMEOUT
#                PROJECT LIVE_AFTER BY DIES_AFTER UP_WORDS PUBLIC GUARD (guard.sh)
#                RUNNING (the project's containers that ran when the plan was made, the oldest first)
#                ENGINE (which Docker that was: engine_mark)
#                FORWARD (1: a rollback that was asked for; it is finished, never undone),
#                PROVES (1: it only holds the lock, while what serves is proven)
#                JOURNAL (what the journal tells of the run: chain.sh)
# RUN/services   a line a service: name, scale (0: as the file says), container IDs before (comma), image ID before,
#                image reference before, pin tag, config hashes before (comma), state before
#                (running, stopped, absent); `-` for none; separated by tabs. One that is down and
#                whose image is gone has containers but no image: nothing goes back to that, so it
#                counts as absent.
# RUN/edits      a line a file: number, digest before, digest after, image before (as it stood) or
#                `-`, image after, path as Compose is given it, path without symlinks, digest of
#                what lies there (another than before where that is broken); separated by tabs.
#                RUN/edit.N.after holds the new bytes, RUN/edit.N.mended the reconstruction of a
#                broken file, RUN/edit.N.found what that was.
# RUN/dry-run    what Compose would have done on `up` when the plan was made
# RUN/unsafe     the name of a step that no rollback can undo, once it has begun
# RUN/running    those and the ones that ran when it got the lock, RUN/engine is ENGINE
# RUN/open       there until the job has come to its end
# RUN/boot.sh    what the host runs after a restart (guard.sh)
# RUN/state      one word and its reason: prepared, armed, swapped, confirmed, rolling_back,
#                rolled_back, rollback_failed, kept (a rollback would be unsafe), released
#include docker.sh
#include guard.sh
#include chain.sh
#include steps.sh
#include files.sh
#include asking.sh
#include engine.sh
#include switch.sh
#include back.sh

TAB=$(printf '\t')
# Seconds for which Compose's word on what `up` would do is good.
FRESH=5
# Seconds within which Docker answers again after a restart of its own; of the host (REASON) it may
# take longer, and nobody is there to try again.
PATIENCE=60
HOST_PATIENCE=600
# Seconds between two tries of a rollback that could not even be written down.
PACE=30

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
	expect prepared && prepare && remember && durable_run
}

# guard: after a restart of the host, the host itself goes on from here.
guard() {
	step guard
	cp "$RUN/boot.sh" "$STATE_DIR/.boot.sh" && mv "$STATE_DIR/.boot.sh" "$STATE_DIR/boot.sh" && guard_install "$GUARD" ||
		say "note${TAB}guard${TAB}$(guard_told "$GUARD") could not be installed: after a restart of the host in the middle of this run, nothing goes on by itself"
}

# remember: how Compose finds this project, for a survey that meets no container of it any more.
remember() {
	printf '%s\n' "$SERVICES" >"$STATE_DIR/compose-services" &&
		printf '%s\n' "$COMPOSE_WORDS" >"$STATE_DIR/compose-words"
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
	if [ "${2:-}" != unproven ]; then
		serving || {
			rollback "it did not run any more when it was confirmed"
			return 1
		}
		# What can't be started again is no release.
		images_are_there
		case $? in
		0) ;;
		1)
			rollback "its image was removed before it was confirmed"
			return 1
			;;
		*)
			rollback "Docker did not say whether its image was there when it was confirmed"
			return 1
			;;
		esac
	fi
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
		! engine_restarted || start_services any
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
# Before anything else: a restart of the host leaves down what has no restart policy.
[ -n "$(state)" ] || guard
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
[ "$PROVES" = 1 ] || note_history
stay_up
rm -f "$RUN/open" "$STATE_DIR/lock.json"
say end
