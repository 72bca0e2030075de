# shellcheck shell=sh
# docker.sh: the words in which the other programs speak to Docker and Compose.
#
# DOCKER holds the command's words, one a line: `docker`, or `sudo`, `-n`, `docker`. Lists of words
# are split at newlines only. Nothing here prints the value of a container's environment variable:
# INSPECT leaves them on the host.

NL='
'

# LIMIT may hold words that bound each question to Docker: one that hangs must not hold up the rest.
LIMIT=
dk() (
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one word a line
	exec $LIMIT $DOCKER "$@"
)

# compose WORDS ARGUMENTS…: `docker compose` with WORDS (project and files, one word a line).
compose() (
	words=$1
	shift
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one word a line
	exec $DOCKER compose --ansi never $words "$@"
)

INSPECT='{"id":{{json .Id}},"name":{{json .Name}},"imageId":{{json .Image}},"imageRef":{{json .Config.Image}},"state":{{json .State}},"restartCount":{{json .RestartCount}},"restartPolicy":{{json .HostConfig.RestartPolicy.Name}},"networkMode":{{json .HostConfig.NetworkMode}},"networks":{{json .NetworkSettings.Networks}},"ports":{{json .NetworkSettings.Ports}},"service":{{json (index .Config.Labels "com.docker.compose.service")}},"project":{{json (index .Config.Labels "com.docker.compose.project")}},"configHash":{{json (index .Config.Labels "com.docker.compose.config-hash")}},"workingDir":{{json (index .Config.Labels "com.docker.compose.project.working_dir")}},"configFiles":{{json (index .Config.Labels "com.docker.compose.project.config_files")}},"environmentFile":{{json (index .Config.Labels "com.docker.compose.project.environment_file")}},"oneoff":{{json (index .Config.Labels "com.docker.compose.oneoff")}}}'

# project_containers PROJECT [SERVICE]: full IDs, one a line.
project_containers() {
	if [ -n "${2:-}" ]; then
		dk ps -aq --no-trunc --filter "label=com.docker.compose.project=$1" \
			--filter "label=com.docker.compose.service=$2" \
			--filter "label=com.docker.compose.oneoff=False"
	else
		dk ps -aq --no-trunc --filter "label=com.docker.compose.project=$1"
	fi
}

# inspect_all: reads IDs, prints a line of JSON each; one that is gone meanwhile is passed over.
inspect_all() (
	ids=$(cat)
	[ -n "$ids" ] || return 0
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one ID a line
	$DOCKER inspect --type container --format "$INSPECT" $ids 2>/dev/null || :
)

# secret_lines PUBLIC: of NAME=VALUE lines those that may not be shown: values of 8 characters or
# more, shorter ones where the name looks secret; PUBLIC names (one a line) are left out.
secret_lines() {
	awk -v public="$1" '
		BEGIN { n = split(public, names, "\n"); for (i = 1; i <= n; i++) shown[names[i]] = 1 }
		{ at = index($0, "="); if (!at) next
		  name = substr($0, 1, at - 1); value = substr($0, at + 1)
		  if (name in shown || name == "PATH" || name == "LANG") next
		  secret = toupper(name) ~ /PASS|SECRET|TOKEN|KEY|CREDENTIAL|PWD|AUTH|DSN/
		  if (length(value) >= 8 || (secret && length(value) >= 3)) print }' | sort -u
}

# secrets_of PROJECT PUBLIC: those of the environments of its containers.
secrets_of() {
	_containers=$(project_containers "$1") || return 1
	[ -n "$_containers" ] || return 0
	_environment=$(
		set -f
		IFS=$NL
		# shellcheck disable=SC2086 # one ID a line
		$DOCKER inspect --type container --format '{{range .Config.Env}}{{println .}}{{end}}' $_containers 2>/dev/null
	)
	[ -n "$_environment" ] || return 1
	printf '%s\n' "$_environment" | secret_lines "$2"
}

# hide FILE: standard input with the values of FILE's NAME=VALUE lines replaced by their names. FILE
# ends with `=end`: a list that was cut short must not pass for a whole one.
hide() {
	if [ "$(tail -n 1 "$1")" != '=end' ]; then
		cat >/dev/null
		return 1
	fi
	awk '
		function learn(name_, value_) { n++; name[n] = name_; value[n] = value_ }
		known { at = index($0, "="); if (at < 2) next
			who = substr($0, 1, at - 1); what = substr($0, at + 1); learn(who, what)
			json = what; gsub(/\\/, "&&", json); gsub(/"/, "\\\"", json)
			gsub(/&/, "\\u0026", json); gsub(/</, "\\u003c", json); gsub(/>/, "\\u003e", json)
			if (json != what) learn(who, json)
			next }
		{ for (i = 1; i <= n; i++) {
			rest = $0; out = ""
			while ((at = index(rest, value[i])) > 0) {
				out = out substr(rest, 1, at - 1) "[" name[i] "]"
				rest = substr(rest, at + length(value[i]))
			}
			$0 = out rest
		  }
		  print }' known=1 "$1" known=0 -
}

# scrub PROJECT PUBLIC: standard input without secrets. They stay on this host.
scrub() {
	_known=$(mktemp "$TMPDIR/deployctl.XXXXXX") || {
		cat >/dev/null
		return 1
	}
	{ secrets_of "$1" "$2" && echo '=end'; } >"$_known"
	hide "$_known"
	_hidden=$?
	rm -f "$_known"
	return "$_hidden"
}

# inspect_scrubbed PUBLIC: as inspect_all, without secrets of the same containers; one question. Of a
# container that is there and was not inspected, an empty object: it must not look like one that
# isn't there.
inspect_scrubbed() {
	_ids=$(cat)
	[ -n "$_ids" ] || return 0
	_mark=$(printf '\001')
	_raw=$(
		set -f
		IFS=$NL
		# shellcheck disable=SC2086 # one ID a line
		$DOCKER inspect --type container --format "$INSPECT{{range .Config.Env}}{{printf \"\\n$_mark%s\" .}}{{end}}" $_ids 2>/dev/null
	)
	_known=$(mktemp "$TMPDIR/deployctl.XXXXXX") || return 1
	{ printf '%s\n' "$_raw" | sed -n "s/^$_mark//p" | secret_lines "$1" && echo '=end'; } >"$_known"
	printf '%s\n' "$_raw" | sed "/^$_mark/d" | grep '^{' | hide "$_known"
	rm -f "$_known"
	[ "$(printf '%s\n' "$_raw" | grep -c '^{"id":"')" -lt "$(printf '%s\n' "$_ids" | wc -l)" ] || return 0
	_there=$(dk ps -aq --no-trunc)
	printf '%s\n' "$_ids" | while IFS= read -r _id; do
		case $NL$_raw in *"$NL{\"id\":\"$_id\""*) continue ;; esac
		case $NL$_there$NL in *"$NL$_id$NL"*) echo '{}' ;; esac
	done
}

sha_of() {
	sha256sum <"$1" | cut -d' ' -f1
}

uptime_s() {
	cut -d. -f1 /proc/uptime
}

boot_id() {
	cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown
}

# durable FILE…: what they hold is on the disk, as far as this host's sync can say.
durable() {
	sync "$@" 2>/dev/null || sync
}
