# survey.sh: everything that preflight and capture want to know, in one exchange. Changes nothing,
# but for the state directory where PROBE_WRITE is keep.
#
# DOCKER_WORDS  the command from the settings, one word a line; empty: docker, then sudo -n docker
# PROJECT       the Compose project; empty: that of the live containers
# SERVICES      the services to roll out, one a line
# DIRECTORY     the project directory from the settings, or empty
# FILES         Compose files from the settings, one a line; empty: from the live container's labels
# STATE_DIR     from the settings; empty: /var/lib/deployctl/PROJECT, else beside the Compose file
# STATE_GROUP   the operators' group, or empty
# PUBLIC        names of environment variables whose values may be shown, one a line
# MARK_KEYS     for marks of what is secret in the containers, or empty
# JOURNAL_BYTES of the host's journal, as the client remembers it; 0: it doesn't
# PROBE_WRITE   keep: prove that files can be made, chowned and renamed beside the Compose file, and
#               make the state directory; undo: the same, and remove what was made; no: neither
#include docker.sh
#include guard.sh

missing=
for tool in flock setsid sha256sum tar gzip stat sync mkfifo readlink sed awk grep cut; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -z "$missing" ] || fail missing-tools "${missing# }"

# lib.sh looked for another place than the usual one, which Docker's own processes use.
[ "$TMPDIR" = "$usual_tmp" ] || put tmp-unusable "$usual_tmp"
put user "$(id -un)"

# Every Compose container of the host: ID, project, service, and where its files are. It is also
# the proof that this user reaches the engine.
TAB=$(printf '\t')
PS="{{.ID}}$TAB{{.Label \"com.docker.compose.project\"}}$TAB{{.Label \"com.docker.compose.service\"}}$TAB{{.Label \"com.docker.compose.oneoff\"}}$TAB{{.Label \"com.docker.compose.project.working_dir\"}}$TAB{{.Label \"com.docker.compose.project.config_files\"}}$TAB{{.Label \"com.docker.compose.project.environment_file\"}}"
engine() {
	all=$(dk ps -a --no-trunc --filter label=com.docker.compose.project --format "$PS" 2>&1)
}
# check_engine: fails where it isn't Docker with Compose v2.
check_engine() {
	case $(dk --version 2>&1) in
	*[Pp]odman*) fail podman "$(dk --version 2>/dev/null)" ;;
	esac
	dk compose version >/dev/null 2>&1 || fail no-compose "$(docker-compose version --short 2>/dev/null)"
}
# give_up KIND MESSAGE: fails, with the engine's own fault first: it explains the others.
give_up() {
	check_engine
	fail "$1" "$2"
}
# no_engine MESSAGE…: fails with what the ways to ask it said: a daemon that isn't there, or no permission.
no_engine() {
	for _said in "$@"; do
		case $_said in
		*'ermission denied'*) ;;
		*daemon*running* | *'onnection refused'*) fail docker-down "$_said" ;;
		esac
	done
	fail docker-denied "$1"
}
if [ -n "$DOCKER_WORDS" ]; then
	DOCKER=$DOCKER_WORDS
	engine || no_engine "$all"
else
	command -v docker >/dev/null 2>&1 || fail missing-tools docker
	DOCKER=docker
	if ! engine; then
		plain=$all
		DOCKER="sudo${NL}-n${NL}docker"
		engine || no_engine "$plain" "$all"
	fi
fi
put docker "$DOCKER"
# Before the containers: if it is restarted in between, what they were like was so under this one.
put engine-mark "$(engine_mark)"
case $all in
*'Emulate Docker CLI using podman'*) check_engine ;;
esac

# column N [PROJECT [SERVICE]]: the N-th column of those of PROJECT, or of one of its services.
column() {
	printf '%s\n' "$all" | awk -F "$TAB" -v n="$1" -v project="${2:-}" -v service="${3:-}" '
		$1 != "" && (project == "" || $2 == project) && (service == "" || ($3 == service && $4 != "True")) { print $n }'
}

# states: the state directories of this host, as far as they can be found without a project's files:
# in the usual place, or told by the containers that hold images of earlier releases (job.sh).
states() {
	if [ -n "$STATE_DIR" ]; then
		printf '%s\n' "$STATE_DIR"
	else
		printf '%s\n' /var/lib/deployctl/*
		dk ps -a --filter label=io.deployctl.state --format '{{.Label "io.deployctl.state"}}' | sort -u
	fi
}

# remembered: the Compose words that the last rollout of this service left, for when no container is
# there any more to tell. Of more than one project none is meant.
remembered() {
	_found=$(states | while IFS= read -r _each; do
		grep -Fxq -- "$first_service" "$_each/compose-services" 2>/dev/null || continue
		[ -z "$PROJECT" ] || [ "$(words_of -p <"$_each/compose-words")" = "$PROJECT" ] || continue
		printf '%s\n' "$_each"
	done | sort -u)
	case $_found in '' | *"$NL"*) return 1 ;; esac
	cat "$_found/compose-words"
}

# words_of OPTION: the values that OPTION has among the words on stdin.
words_of() {
	awk -v option="$1" 'value { if (name == option) print; value = 0; next } { name = $0; value = 1 }'
}

if [ -z "$PROJECT" ]; then
	PROJECT=$(printf '%s\n' "$SERVICES" | while IFS= read -r service; do column 2 "" "$service"; done | sort -u)
	case $PROJECT in
	*"$NL"*) fail many-projects "$PROJECT" ;;
	esac
fi
# A label may say anything, and this becomes a part of paths.
case $PROJECT in [!a-zA-Z0-9]* | *[!a-zA-Z0-9._-]*) fail odd-project "$PROJECT" ;; esac
first_service=$(printf '%s\n' "$SERVICES" | sed -n 1p)
live=
PROJECT_DIR=$DIRECTORY
ENV_FILES=
[ -z "$PROJECT" ] || live=$(column 1 "$PROJECT" "$first_service" | sed -n 1p)
if [ -n "$live" ]; then
	labelled=$(column 5 "$PROJECT" "$first_service" | sed -n 1p)
	# Where the settings name the files, labels of another machine mean nothing here.
	if [ -z "$FILES" ] || [ -d "$labelled" ]; then
		[ -n "$PROJECT_DIR" ] || PROJECT_DIR=$labelled
		ENV_FILES=$(column 7 "$PROJECT" "$first_service" | sed -n 1p | tr ',' '\n')
	fi
	[ -n "$FILES" ] || FILES=$(column 6 "$PROJECT" "$first_service" | sed -n 1p | tr ',' '\n')
elif [ -n "$(dk ps -aq --filter "label=com.docker.swarm.service.name" --filter "name=_$first_service\\." | sed -n 1p)" ]; then
	fail swarm-managed "$first_service"
elif [ -z "$FILES" ]; then
	known=$(remembered) || give_up no-container "$first_service${PROJECT:+ of the project $PROJECT}"
	PROJECT=$(printf '%s\n' "$known" | words_of -p)
	[ -n "$PROJECT_DIR" ] || PROJECT_DIR=$(printf '%s\n' "$known" | words_of --project-directory)
	FILES=$(printf '%s\n' "$known" | words_of -f)
	ENV_FILES=$(printf '%s\n' "$known" | words_of --env-file)
fi
[ -n "$PROJECT_DIR" ] || PROJECT_DIR=$(dirname "$(printf '%s\n' "$FILES" | sed -n 1p)")

# The files. A label's path that isn't here was written by a Compose elsewhere.
files=
while IFS= read -r path; do
	if [ ! -f "$path" ]; then
		was=$(states | while IFS= read -r _each; do
			grep -Fx -- "$path" "$_each/compose-words" 2>/dev/null
		done)
		[ -z "$was" ] || give_up compose-file-gone "$path"
		give_up compose-file-missing "$path"
	fi
	[ -r "$path" ] || fail compose-file-unreadable "$path"
	files="$files$NL-f$NL$path"
done <<LIST
$FILES
LIST
words="--project-directory$NL$PROJECT_DIR"
while IFS= read -r path; do
	[ -n "$path" ] || continue
	[ -f "$path" ] || give_up env-file-missing "$path"
	words="$words$NL--env-file$NL$path"
done <<LIST
$ENV_FILES
LIST
words=$words$files
if [ -z "$PROJECT" ]; then
	PROJECT=$(compose "$words" config 2>/dev/null | sed -n 's/^name: *//p' | sed -n 1p)
	[ -n "$PROJECT" ] || give_up no-project "$FILES"
fi
words="-p$NL$PROJECT$NL$words"
put project "$PROJECT"
put project-dir "$PROJECT_DIR"
put compose-words "$words"

# read_only PATH: whether it lies on a file system that is mounted read-only.
read_only() {
	awk -v path="$1/" '
		{ at = $2; gsub(/\\040/, " ", at); sub(/\/$/, "", at) }
		index(path, at "/") == 1 && length(at) >= best { best = length(at); found = $4 ~ /^ro(,|$)/ }
		END { exit !found }' /proc/self/mounts
}

while IFS= read -r path; do
	real=$(readlink -f "$path")
	folder=$(dirname "$real")
	writable=yes
	if [ "$PROBE_WRITE" != no ]; then
		probe=$folder/.deployctl-probe.$$
		if ! { cleared "$probe" && cleared "$probe.2" && cp -p "$real" "$probe" && mv "$probe" "$probe.2" &&
			rm -f "$probe.2"; } 2>/dev/null; then
			writable=no
		elif cp -p "$real" "$probe" && [ "$(stat -c '%a %u %g' "$probe")" != "$(stat -c '%a %u %g' "$real")" ]; then
			writable=owner
		fi
		rm -f "$probe" "$probe.2"
	else
		[ -w "$folder" ] || writable=no
	fi
	if [ "$writable" = no ] && read_only "$folder"; then writable=read-only; fi
	put file "$path"
	put file-real "$real"
	put file-sha "$(sha_of "$real")"
	put file-stat "$(stat -c '%a %U %G' "$real")"
	put file-writable "$writable"
	put_file file-bytes "$real"
done <<LIST
$FILES
LIST

# What takes Docker and Compose a moment to say is asked at once.
work=$(mktemp -d "$TMPDIR/deployctl.XXXXXX") || fail no-space "$TMPDIR"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM
INFO='{"version":{{json .ServerVersion}},"root":{{json .DockerRootDir}},"plugins":{{json .ClientInfo.Plugins}}}'
dk info --format "$INFO" >"$work/info" 2>/dev/null &
: >"$work/marks"
column 1 "$PROJECT" | inspect_scrubbed "$PUBLIC" "$MARK_KEYS" "$work/marks" >"$work/containers" &
# As many replicas as there are: they may have been scaled by hand.
scales=$(printf '%s\n' "$SERVICES" | while IFS= read -r service; do
	replicas=$(column 1 "$PROJECT" "$service" | grep -c .)
	[ "$replicas" = 0 ] || printf -- '--scale=%s=%s\n' "$service" "$replicas"
done)
# Does Compose understand the file as it is, and would it leave the running containers alone?
# shellcheck disable=SC2086 # one service a line, names without spaces
(compose "$words" config --images $SERVICES >"$work/images" 2>"$work/config" && : >"$work/accepted") &
# Not as far as the start, before which Compose waits for the dependencies' health.
# shellcheck disable=SC2086
(compose "$words" --dry-run up --no-start --no-build --pull never $scales $SERVICES >"$work/dry-run" 2>&1 || : >"$work/dry-run.failed") &
# Images that were built here: ID and build digest.
dk image ls -q --no-trunc --filter label=io.deployctl.build-digest | sort -u | (
	ids=$(cat)
	[ -n "$ids" ] || exit 0
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one ID a line
	$LIMIT $DOCKER image inspect --format '{{.Id}} {{index .Config.Labels "io.deployctl.build-digest"}}' $ids
) >"$work/built" 2>/dev/null &
wait
grep -q '"Name":"compose"' "$work/info" || check_engine
put_file containers "$work/containers"
put_file marks "$work/marks"
# The image of a container that doesn't run may have been removed under it.
put images-gone "$(sed -n '/"Status":"running"/d; s/.*"imageId":"\([^"]*\)".*/\1/p' "$work/containers" | sort -u |
	while IFS= read -r image; do
		case $(dk image inspect --format '{{.Id}}' "$image" 2>&1) in *[Nn]'o such image'*) printf '%s\n' "$image" ;; esac
	done)"
put_file images "$work/images"
# said FILE: what a dry run said. Of containers it tells no more than names; where it failed it may
# quote the lines that it can't read, which may be an env file's.
said() {
	if ! grep -E "$SPOKEN" "$1"; then
		scrub_said "$PROJECT" "$PUBLIC" <"$1"
	elif [ -e "$1.failed" ]; then
		grep -v -E "$SPOKEN" "$1" | scrub_said "$PROJECT" "$PUBLIC" | tail -n 5
	fi
}
SPOKEN='^( *DRY-RUN MODE - *)? *Container [^ ]+ +[A-Z][a-z]+ *$'
if [ -e "$work/accepted" ]; then
	put config ok
else
	put config "$(scrub_said "$PROJECT" "$PUBLIC" <"$work/config")"
fi
put dry-run "$(said "$work/dry-run")"
put unset "$(sed -n 's/.*The [\\]*"\([A-Za-z0-9_]*\)[\\]*" variable is not set.*/\1/p' "$work/dry-run" | sort -u)"
if grep -q 'reate' "$work/dry-run"; then
	# Compose leaves the dependencies out of the hash that it labels a container with when it is
	# told --no-deps: such a container is unchanged only for one who asks in the same way.
	# shellcheck disable=SC2086
	compose "$words" --dry-run up --no-start --no-deps --no-build --pull never $scales $SERVICES >"$work/dry-run-alone" 2>&1 ||
		: >"$work/dry-run-alone.failed"
	put dry-run-alone "$(said "$work/dry-run-alone")"
fi
put_file built "$work/built"
put_file info "$work/info"
root=$(sed 's/.*"root":"\([^"]*\)".*/\1/' "$work/info")
put disk-root "$(stat -f -c '%a %S %d %c' "$root" 2>/dev/null)"
! read_only "$root" || put root-read-only "$root"

# The state directory: what earlier rollouts left. There must be one only, or two people would hold
# two locks.
made=
chosen=$STATE_DIR
if [ -z "$STATE_DIR" ]; then
	shared=/var/lib/deployctl
	beside=$(dirname "$(readlink -f "$(printf '%s\n' "$FILES" | sed -n 1p)")")/.deployctl
	STATE_DIR=$shared/$PROJECT
	if [ -d "$shared" ] && [ ! -x "$shared" ]; then
		fail state-denied "$shared"
	elif [ -d "$STATE_DIR" ] && [ -d "$beside" ]; then
		fail two-states "$STATE_DIR $beside"
	elif [ -d "$beside" ]; then
		STATE_DIR=$beside
	elif [ ! -d "$STATE_DIR" ]; then
		if [ "$PROBE_WRITE" != no ] && (umask 022 && mkdir -p "$shared") 2>/dev/null && mkdir "$STATE_DIR" 2>/dev/null; then
			made=$STATE_DIR
		else
			STATE_DIR=$beside
		fi
	fi
fi
# closed FOLDER: whether nobody may put anything there but us and the operators' group. What lies in the
# state directory is run as this user, some of it after the next restart. Root may use anybody's.
closed() {
	_seen=$(stat -L -c '%u %G %a' "$1") || return 1
	_mode=${_seen##* }
	_group=${_seen#* }
	_group=${_group% *}
	_owner=${_seen%% *}
	case $_mode in *[2367]) return 1 ;; esac
	case $_mode in *[2367]?) [ "$_group" = "${STATE_GROUP:-$(id -un)}" ] || return 1 ;; esac
	[ "$_owner" = "$(id -u)" ] || [ "$(id -u)" = 0 ] || { [ -n "$STATE_GROUP" ] && [ "$_group" = "$STATE_GROUP" ]; }
}
if [ -x "$STATE_DIR" ]; then
	for folder in "$STATE_DIR" "$STATE_DIR/runs" "$STATE_DIR/releases" "$STATE_DIR/upload"; do
		[ ! -e "$folder" ] || closed "$folder" || fail state-open "$folder"
	done
fi
put state-dir "$STATE_DIR"
put guard "$(guard_rung)"
if [ "$PROBE_WRITE" != no ]; then
	# A number would keep the set-group-ID bit that a directory inherits.
	mode=u=rwx,go=,g-s
	if [ -n "$STATE_GROUP" ]; then
		mode=2770
		# The directory may be there already, from a time without a group.
		id -Gn | tr ' ' '\n' | grep -Fxq -- "$STATE_GROUP" || fail state-group "$STATE_GROUP"
	fi
	for folder in "$STATE_DIR" "$STATE_DIR/runs" "$STATE_DIR/releases" "$STATE_DIR/upload"; do
		[ -d "$folder" ] && [ "$folder" != "$made" ] && continue
		if ! mkdir -p "$folder" 2>/dev/null; then
			[ -z "$chosen" ] || fail state-denied "$folder"
			# Neither place will do. There may be more against the rollout: the client tells all.
			put state-nowhere "$shared/$PROJECT"
			break
		fi
		made=$folder$NL$made
		[ -z "$STATE_GROUP" ] || chgrp "$STATE_GROUP" "$folder" 2>/dev/null || fail state-group "$STATE_GROUP"
		chmod "$mode" "$folder"
	done
	if [ -d "$STATE_DIR" ]; then
		{ true >"$STATE_DIR/.probe" && rm -f "$STATE_DIR/.probe"; } 2>/dev/null || fail state-denied "$STATE_DIR"
		put disk-state "$(stat -f -c '%a %S %d %c' "$STATE_DIR")"
	fi
	if [ "$PROBE_WRITE" = undo ]; then
		printf '%s\n' "$made" | while IFS= read -r folder; do
			[ -z "$folder" ] || rmdir "$folder" 2>/dev/null
		done
	fi
fi
if [ -d "$STATE_DIR" ]; then
	[ -r "$STATE_DIR" ] && [ -x "$STATE_DIR" ] || fail state-denied "$STATE_DIR"
	put live "$(sed -n 1p "$STATE_DIR/live" 2>/dev/null)"
	put live-by "$(sed -n 2p "$STATE_DIR/live" 2>/dev/null)"
	put last-run "$(tail -n 1 "$STATE_DIR/history.jsonl" 2>/dev/null)"
	put last-build "$(awk -F "$TAB" '$4 ~ /^[0-9]+$/ { last = $4 } END { print last }' "$STATE_DIR/made" 2>/dev/null)"
	put live-since "$(stat -c %Y "$STATE_DIR/live" 2>/dev/null)"
	if [ -f "$STATE_DIR/journal.jsonl" ]; then
		put journal-bytes "$(wc -c <"$STATE_DIR/journal.jsonl" | tr -d ' ')"
		[ "$JOURNAL_BYTES" = 0 ] || put journal-known "$(head -c "$JOURNAL_BYTES" "$STATE_DIR/journal.jsonl" | sha256sum | cut -d' ' -f1)"
		put journal-first "$(head -n 1 "$STATE_DIR/journal.jsonl")"
		put journal-last "$(tail -n 1 "$STATE_DIR/journal.jsonl")"
		put journal-seal "$(grep -F '"event":"seal"' "$STATE_DIR/journal.jsonl" | tail -n 1)"
	fi
	for record in "$STATE_DIR"/releases/*.json; do
		[ -f "$record" ] && put_file release "$record"
	done
	if [ -f "$STATE_DIR/lock" ] && ! (flock -n 9) 9<"$STATE_DIR/lock"; then
		holder=$(cat "$STATE_DIR/lock.json" 2>/dev/null)
		put lock-held "$holder"
		holder=$(printf '%s' "$holder" | sed -n 's/.*"runId": "\([A-Za-z0-9-]*\)".*/\1/p')
		put lock-phase "$(cat "$STATE_DIR/runs/$holder/phase" 2>/dev/null)"
	fi
	# The run that last changed what is live, and how many seconds ago, if that was in this boot.
	for state in $(cd "$STATE_DIR/runs" 2>/dev/null && ls -t -- */state 2>/dev/null); do
		grep -q -e '^confirmed' -e '^rolled_back' "$STATE_DIR/runs/$state" || continue
		run=$STATE_DIR/runs/${state%/state}
		[ "$(($(date +%s) - $(stat -c %Y "$run/state")))" -ge "$(uptime_s)" ] ||
			put settled "$(awk -F "$TAB" -v run="${state%/state}" -v now="$(cut -d' ' -f1 /proc/uptime)" '
				$2 == "state" && $3 ~ /^(confirmed|rolled_back)/ { at = $1 }
				END { if (at != "" && now >= at) printf "%s %.2f", run, now - at }' "$run/log" 2>/dev/null)"
		break
	done
	for run in "$STATE_DIR"/runs/*/; do
		[ -f "$run/state" ] || continue
		state=$(cat "$run/state")
		case $state in
		armed* | swapped* | rolling_back* | rollback_failed*)
			put unfinished "$(basename "$run") $state"
			put_file unfinished-about "$run/about.json"
			heard=$(cat "$run/heard" 2>/dev/null)
			# It may be in the middle of being written.
			[ -n "$heard" ] || { sleep 1 && heard=$(cat "$run/heard" 2>/dev/null); }
			silent=$(($(uptime_s) - ${heard:-0}))
			read -r deadline boot <"$run/deadline" 2>/dev/null || deadline=0 boot=
			# After a restart of the host what was heard there is not the client.
			[ -z "$boot" ] || [ "$boot" = "$(boot_id)" ] || silent=-1
			put unfinished-silent "$silent"
			put unfinished-left "$((deadline - $(uptime_s)))"
			put unfinished-step "$(awk -F "$TAB" '$2 == "step" { last = $3 } END { print last }' "$run/log" 2>/dev/null)"
			;;
		esac
		case $state in
		kept* | rollback_failed* | 'confirmed unproven'*)
			release=$(sed -n 's/.*"release": "\(r[0-9]*\)".*/\1/p' "$run/about.json" 2>/dev/null)
			if [ -n "$release" ] && [ -f "$run/release.$release.json" ]; then
				put left "$(basename "$run")"
				put_file left-release "$run/release.$release.json"
			fi
			;;
		esac
	done
fi
