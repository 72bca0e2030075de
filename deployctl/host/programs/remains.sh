# remains.sh: what a broken Compose file can be put together from. Changes nothing.
#
# DOCKER PROJECT PUBLIC   see docker.sh
# STATE_DIR   where earlier rollouts kept the files that they made live
#include docker.sh

TAB=$(printf '\t')
# Structure first, which Docker and Compose have made; after the tab what people have written, in
# which secrets are hidden.
# shellcheck disable=SC2016 # Docker's templates
{
	NAMES='{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{json (index (split $e "=") 0)}}{{end}}'
	IMAGE='{"id":{{json .Id}},"env":['$NAMES']}'
	CONTAINER='{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},"imageId":{{json .Image}},"service":{{json (index .Config.Labels "com.docker.compose.service")}},"oneoff":{{json (index .Config.Labels "com.docker.compose.oneoff")}},"dependsOn":{{json (index .Config.Labels "com.docker.compose.depends_on")}},"published":{{json .HostConfig.PortBindings}},"tty":{{json .Config.Tty}},"stdin":{{json .Config.OpenStdin}},"env":['$NAMES']}'
	SHAPE='{{"\t"}}{"entrypoint":{{json .Config.Entrypoint}},"cmd":{{json .Config.Cmd}},"labels":{{json .Config.Labels}},"user":{{json .Config.User}},"workdir":{{json .Config.WorkingDir}},"health":{{with index .Config "Healthcheck"}}{{json .}}{{else}}null{{end}}'
	PLACE=',"host":{{json .HostConfig}},"mounts":{{json .Mounts}},"networks":{{json .NetworkSettings.Networks}},"hostname":{{json .Config.Hostname}}'
}

# told RECORD TYPE FORMAT: a line each of what standard input names; it can be told without secrets,
# or the program ends: what is left out would look like what isn't there.
told() {
	_raw=$(
		set -f
		IFS=$NL
		# shellcheck disable=SC2046,SC2086 # one ID a line
		$LIMIT $DOCKER inspect --type "$2" --format "$3" $(cat) 2>/dev/null
	)
	[ -n "$_raw" ] || [ "$2" != container ] || fail docker "Docker does not say what the $1 are"
	_said=$(printf '%s\n' "$_raw" | hide "$known" words) ||
		fail unscrubbed "what is secret in the containers can't be told from what isn't"
	put "$1" "$_said"
}

ids=$(project_containers "$PROJECT")
if [ -n "$ids" ]; then
	known=$(mktemp "$TMPDIR/deployctl.XXXXXX") || fail no-space "$TMPDIR"
	trap 'rm -f "$known"' EXIT
	trap 'exit 1' HUP INT PIPE TERM
	{ secrets_of "$PROJECT" "$PUBLIC" && echo '=end'; } >"$known"
	told containers container "$CONTAINER$SHAPE$PLACE}" <<LIST
$ids
LIST
	images=$(printf '%s\n' "$ids" | (
		set -f
		IFS=$NL
		# shellcheck disable=SC2046,SC2086 # one ID a line
		$LIMIT $DOCKER inspect --type container --format '{{.Image}}' $(cat) 2>/dev/null
	) | sort -u)
	told images image "$IMAGE$SHAPE}" <<LIST
$images
LIST
fi

# What was live, oldest first: each run that was confirmed kept the file as it met it, and as it
# made it. A run that found what was there as a release of its own staged a record of that as well.
for run in "$STATE_DIR"/runs/*/; do
	case $(cat "$run/state" 2>/dev/null) in confirmed*) ;; *) continue ;; esac
	after=$(sed -n "s/^LIVE_AFTER=//p" "$run/settings" | tr -d "'")
	found=
	for record in "$run"/release.*.json; do
		[ -f "$record" ] || continue
		number=$(basename "$record" .json)
		number=${number#release.}
		[ "$number" = "$after" ] || found=$number
	done
	[ -f "$run/edits" ] || continue
	while IFS=$TAB read -r n _ _ _ _ _ path _; do
		[ -n "$n" ] || continue
		if [ -n "$found" ] && [ -f "$run/edit.$n.before" ]; then
			put recorded "$found$TAB$path"
			put_file recorded-bytes "$run/edit.$n.before"
		fi
		[ -f "$run/edit.$n.after" ] || continue
		put recorded "$after$TAB$path"
		put_file recorded-bytes "$run/edit.$n.after"
	done <"$run/edits"
done
