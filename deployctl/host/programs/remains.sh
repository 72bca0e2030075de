# remains.sh: what a broken Compose file can be put together from. Changes nothing.
#
# DOCKER PROJECT PUBLIC   see docker.sh
# STATE_DIR   where earlier rollouts kept the files that they made live
#include docker.sh

TAB=$(printf '\t')
# shellcheck disable=SC2016 # Docker's templates
NAMES='{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{json (index (split $e "=") 0)}}{{end}}'
SHAPE='"entrypoint":{{json .Config.Entrypoint}},"cmd":{{json .Config.Cmd}},"env":['$NAMES'],"labels":{{json .Config.Labels}},"user":{{json .Config.User}},"workdir":{{json .Config.WorkingDir}},"health":{{with index .Config "Healthcheck"}}{{json .}}{{else}}null{{end}}'

ids=$(project_containers "$PROJECT")
if [ -n "$ids" ]; then
	images=$(printf '%s\n' "$ids" | (
		set -f
		IFS=$NL
		# shellcheck disable=SC2046 # one ID a line
		$DOCKER inspect --type container --format '{{.Image}}' $(cat) 2>/dev/null
	) | sort -u)
	# shellcheck disable=SC2016
	put containers "$(printf '%s\n' "$ids" | (
		set -f
		IFS=$NL
		# shellcheck disable=SC2046
		$DOCKER inspect --type container --format '{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},"imageId":{{json .Image}},"host":{{json .HostConfig}},"mounts":{{json .Mounts}},"networks":{{json .NetworkSettings.Networks}},"hostname":{{json .Config.Hostname}},"tty":{{json .Config.Tty}},"stdin":{{json .Config.OpenStdin}},'"$SHAPE}" $(cat) 2>/dev/null
	) | scrub "$PROJECT" "$PUBLIC")"
	put images "$(printf '%s\n' "$images" | (
		set -f
		IFS=$NL
		# shellcheck disable=SC2046
		$DOCKER image inspect --format '{"id":{{json .Id}},'"$SHAPE}" $(cat) 2>/dev/null
	) | scrub "$PROJECT" "$PUBLIC")"
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
