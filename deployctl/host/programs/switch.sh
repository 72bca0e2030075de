# switch.sh: one image in the place of another, with the containers of that and no others.
# A part of job.sh, whose variables it uses.

# straighten SERVICE: Compose makes a container under a hashed name, removes the old one and only then
# renames the new. One that was cut off there would be started as it is, without its name and perhaps
# without all its networks. With its name it is made anew by --force-recreate, which this prints, and
# which keeps its anonymous volumes. Where the old one is still there, the half-made one goes.
straighten() {
	dk ps -a --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
		--filter "label=com.docker.compose.service=$1" --format '{{.ID}} {{.Names}} {{.State}}' |
		while read -r id name found; do
			case $name in
			[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_*)
				if dk rename "$id" "${name#*_}" 2>>"$RUN/console"; then
					[ "$found" = running ] || echo --force-recreate
				elif [ "$found" != running ]; then
					dk rm -f "$id" >/dev/null 2>>"$RUN/console"
				fi
				;;
			esac
		done | sort -u
}

# compose_up SERVICE WORD…: what an earlier one left half-made is put right first.
compose_up() {
	_service=$1
	shift
	if [ -e "$RUN/up.$_service" ]; then
		_anew=$(straighten "$_service")
		[ -z "$_anew" ] || set -- "$_anew" "$@"
	fi
	true >"$RUN/up.$_service"
	limited "$STEP_TIMEOUT" compose "$COMPOSE_WORDS" up --no-build --pull never "$@" "$_service" || return
	rm -f "$RUN/up.$_service"
}

# up SERVICE SCALE WORD…: this service, from the image that is there.
up() {
	_up=$1
	_scale=$2
	shift 2
	[ "$_scale" = 0 ] || set -- "$@" --scale "$_up=$_scale"
	compose_up "$_up" -d "$@"
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

# keep_all: what runs now is held while it is replaced, and afterwards.
keep_all() {
	while IFS=$TAB read -r service scale ids image reference pin hashes held; do
		[ -z "$service" ] || [ "$image" = - ] || keep "$service" "$pin"
	done <"$RUN/services"
}

# images_are_there: what is to be switched to may have been removed since it was planned for. 2 where
# Docker does not say.
images_are_there() {
	while IFS=$TAB read -r n before after literal image named path found; do
		[ -n "$n" ] || continue
		image_there "$image"
		case $? in
		0) ;;
		1)
			say "refused${TAB}image$TAB$image"
			return 1
			;;
		*)
			say "refused${TAB}engine${TAB}Docker does not say whether the image $image is there"
			return 2
			;;
		esac
	done <"$RUN/edits"
}

# start_services HELD: any, or those that were HELD before (running), as the file says.
start_services() {
	while IFS=$TAB read -r service scale ids image reference pin hashes held <&5; do
		[ -n "$service" ] || continue
		case $1 in any | "$held") ;; *) continue ;; esac
		step "start-service $service"
		# shellcheck disable=SC2086 # nothing, or --no-deps
		up "$service" "$scale" $UP_WORDS ||
			{ back_after_restart && up "$service" "$scale" $UP_WORDS; } || {
			say "failed${TAB}up$TAB$service: $(last_words)"
			return 1
		}
	done 5<"$RUN/services"
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
	start_services any || return 1
	while IFS=$TAB read -r service rest; do
		[ -z "$service" ] || project_containers "$PROJECT" "$service" | inspect_all |
			sed -n "s/^{\"id\":\"\([^\"]*\)\".*\"imageId\":\"\([^\"]*\)\".*/container$TAB$service$TAB\1$TAB\2/p" |
			while IFS= read -r line; do say "$line"; done
	done <"$RUN/services"
	write_state swapped
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
