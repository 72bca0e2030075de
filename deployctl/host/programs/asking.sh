# asking.sh: what Compose says of the files, and whether that is still what was planned.
# A part of job.sh, whose variables it uses.

# staged SIDE: the Compose words with the edited files replaced by their SIDE, before or after.
staged() {
	printf '%s\n' "$COMPOSE_WORDS" | while IFS= read -r word; do
		while IFS=$TAB read -r n before after literal image named path found; do
			[ "$word" != "$named" ] || word=$RUN/edit.$n.$1
		done <"$RUN/edits"
		printf '%s\n' "$word"
	done
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

# render SIDE: the images of that side in RUN/images.SIDE; RUN/render.SIDE is empty if it rendered.
render() {
	if compose "$(staged "$1")" config --images >"$RUN/images.$1" 2>"$RUN/render.$1.said"; then
		: >"$RUN/render.$1"
	else
		scrub_said "$PROJECT" "$PUBLIC" <"$RUN/render.$1.said" >"$RUN/render.$1"
	fi
	rm -f "$RUN/render.$1.said"
}

# disturbed: of what Compose says of an `up`, what it would make anew. A start is no news: a
# service that crash-loops is up at one look and down at the next.
disturbed() {
	sed -n 's/.*Container \([^ ]*\)  *\([A-Z][a-z]*\).*/\1 \2/p' | sed 's/^[0-9a-f]\{12\}_//' |
		grep -v -E ' (Running|Waiting|Healthy|Exited|Created|Starting|Started)$' | sort -u
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
			[ "$seen" = "$image" ] || [ "$image" = - ] || echo "service $service runs image $seen, planned $image"
			seen=$(printf '%s\n' "$lines" | sed 's/.*"configHash":"\([^"]*\)".*/\1/' | tr '\n' ',' | sed 's/,$//')
			[ "$seen" = "$hashes" ] || echo "service $service was recreated with another configuration"
		fi
	done <"$RUN/services"
}

# images_of_before: whether the files as they lie there name, for every service, what ran before.
images_of_before() {
	compose "$COMPOSE_WORDS" config --images >"$RUN/images.now" 2>>"$RUN/console" || return 1
	while IFS=$TAB read -r service scale ids image reference rest <&6; do
		[ -z "$service" ] || [ "$reference" = - ] || grep -Fxq -- "$reference" "$RUN/images.now" || return 1
	done 6<"$RUN/services"
}
