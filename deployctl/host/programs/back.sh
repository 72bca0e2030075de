# back.sh: everything as it was: safe to run again, from wherever it was cut off.
# A part of job.sh, whose variables it uses.

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

# put_back_service NAME SCALE IDS IMAGE REFERENCE PIN HASHES STATE
put_back_service() {
	_tries=0
	_words=$UP_WORDS
	while :; do
		engine_back || return 1
		# The old file may say :latest, and that tag may have moved: point it where it was.
		case $5 in
		*@sha256:* | sha256:* | -) ;;
		*) dk tag "$4" "$5" 2>>"$RUN/console" ;;
		esac
		if [ "$8" = absent ]; then
			limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" rm -sf "$1" && return 0
		elif [ "$8" = stopped ]; then
			compose_up "$1" --no-start --no-deps
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
