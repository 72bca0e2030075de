# weigh.sh: what Compose says of files that might take the place of a broken one. Changes nothing.
#
# DOCKER COMPOSE_WORDS PROJECT PUBLIC   see docker.sh
# NAMED       the broken file as Compose is given it; empty: the files are weighed as they are
# SERVICES    services that must be left alone, one a line
# SCALES      --scale=SERVICE=REPLICAS as they are, one a line: they may have been scaled by hand
# CANDIDATES  their number; CANDIDATE_1 … their bytes
#include docker.sh

work=$(mktemp -d "$TMPDIR/deployctl.XXXXXX") || fail no-space "$TMPDIR"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM

# up_dry OPTION…: what `up` would make anew with the candidate; fails where Compose does.
up_dry() {
	# shellcheck disable=SC2086 # one service a line, names without spaces
	compose "$with" --dry-run up --no-start "$@" --no-build --pull never $SCALES $SERVICES >"$work/said" 2>&1
}

# weighed: fails where Compose refuses the file, and `said` has its words.
weighed() {
	# shellcheck disable=SC2086
	compose "$with" config --images $SERVICES >"$work/images" 2>"$work/said" || return 1
	up_dry || return 1
	cp "$work/said" "$work/plain"
	# As in a survey: a container may have been made with its dependencies, or without.
	grep -q reate "$work/plain" || return 0
	up_dry --no-deps && cp "$work/said" "$work/alone"
}

# as_named PATH: standard input with the file's own name in the place of PATH.
as_named() {
	from=$1 to=$NAMED awk '
		{ out = ""
		  while ((at = index($0, ENVIRON["from"])) > 0) {
			out = out substr($0, 1, at - 1) ENVIRON["to"]
			$0 = substr($0, at + length(ENVIRON["from"]))
		  }
		  print out $0 }'
}

# With the files as they are, Compose can't be asked of a service that is in none of them.
if [ -z "$NAMED" ]; then
	defined=$(compose "$COMPOSE_WORDS" --profile '*' config --services 2>/dev/null)
	known() { printf '%s\n' "$defined" | grep -Fqx -- "$1"; }
	put absent "$(printf '%s\n' "$SERVICES" | while IFS= read -r service; do
		[ -z "$service" ] || known "$service" || printf '%s\n' "$service"
	done)"
	SERVICES=$(printf '%s\n' "$SERVICES" | while IFS= read -r service; do
		! known "$service" || printf '%s\n' "$service"
	done)
	SCALES=$(printf '%s\n' "$SCALES" | while IFS= read -r scale; do
		service=${scale#--scale=}
		! known "${service%=*}" || printf '%s\n' "$scale"
	done)
fi

n=1
while [ "$n" -le "$CANDIDATES" ]; do
	eval "printf %s \"\$CANDIDATE_$n\"" >"$work/$n.yml" || fail no-space "$work"
	with=$(printf '%s\n' "$COMPOSE_WORDS" | while IFS= read -r word; do
		[ "$word" != "$NAMED" ] || word=$work/$n.yml
		printf '%s\n' "$word"
	done)
	: >"$work/images" && : >"$work/plain" && : >"$work/alone"
	if weighed; then
		put accepted yes
		put refused ''
	else
		put accepted no
		put refused "$(as_named "$work/$n.yml" <"$work/said" | scrub_said "$PROJECT" "$PUBLIC")"
	fi
	put_file images "$work/images"
	put dry-run "$(grep ' Container ' "$work/plain")"
	put dry-run-alone "$(grep ' Container ' "$work/alone")"
	n=$((n + 1))
done
