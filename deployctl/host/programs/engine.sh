# engine.sh: Docker as it is when it is restarted under a run: waited for, and what it left down started.
# A part of job.sh, whose variables it uses.

# engine_answers: without a word, for what is said stands among Compose's last words.
engine_answers() {
	dk version >/dev/null
}

# engine_back: waits for Docker to answer. One that is being restarted knows no image, but that
# doesn't mean that they are gone.
engine_back() {
	_until=$(($(uptime_s) + PATIENCE))
	until limited 10 engine_answers; do
		[ "$(uptime_s)" -lt "$_until" ] || {
			say "failed${TAB}engine${TAB}Docker does not answer on the host"
			return 1
		}
		sleep 1
	done
}

# note_running: what an engine that is restarted meanwhile leaves down is started again. It may be on
# its way down already, and know of few that run: those that ran when the plan was made count as well.
note_running() {
	[ ! -f "$RUN/engine" ] || return 0
	# The oldest first: what others depend on was made before them.
	{
		printf '%s\n' "$RUNNING"
		dk ps -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
			--filter "label=com.docker.compose.oneoff=False" 2>>"$RUN/console" | sed '1!G;h;$!d'
	} | awk 'NF && !seen[$0]++' >"$RUN/running"
	printf '%s\n' "$ENGINE" >"$RUN/engine"
}

engine_restarted() {
	[ "$(engine_mark)" != "$(cat "$RUN/engine" 2>/dev/null)" ]
}

# back_after_restart: whether Docker went away meanwhile and is there again: what failed for that reason
# may be tried once more.
back_after_restart() {
	engine_back && engine_restarted && wake beside
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
	# One that is on its way down has its process yet.
	limited 10 engine_answers || engine_back || return 0
	engine_restarted && engine_back || return 0
	case $(state) in
	confirmed) wake beside && start_services any ;;
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
