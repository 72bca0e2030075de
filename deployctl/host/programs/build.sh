# build.sh: unpacks the shipped source, checks it, and builds the image. The build is a process of its
# own, and what it says is kept: a client that lost the link starts this again and reads on. It ends
# with its run: when the run's job has gone, and after TIMEOUT seconds.
#
# RUN              the run's directory
# TIMEOUT          seconds
# READ             bytes of what the build said that the client has
# ARCHIVE SHA256   the uploaded .tar.gz and its digest; removed once the image is built
# WORK             a directory of this run; removed at the end
# IMAGE            the tag to give
# DOCKERFILE STAGE PLATFORM   the last two may be empty
# OUTSIDE          the directory of the archive with a Dockerfile that is not part of the context
# LABELS ARGS      `name=value`, one a line
# SECRETS          names, one a line; the value of the N-th comes in the variable SECRET_N
# BUILDX           1 where the buildx plugin is there
# ROOT             Docker's data directory
# STATE_GROUP      the operators' group, or empty
#
# A line `read` on standard input: the client has it all.
#include docker.sh
#include alive.sh
#include made.sh

# build: says what it does on descriptor 8, as records.
build() {
	trap 'rm -rf "$WORK/build"' EXIT
	[ "$(sha_of "$ARCHIVE")" = "$SHA256" ] || fail bad-archive "$ARCHIVE"
	# The lock is held, so whatever else is here was left by runs that were cut off.
	for left in "${WORK%/*}"/*; do
		case $left in "$ARCHIVE" | "$WORK") ;; *) rm -rf "$left" ;; esac
	done
	# A context of its own name for each tree: BuildKit remembers what one of that name held before.
	TREE=$WORK/build/$SHA256
	mkdir -p "$TREE" "$WORK/build/secrets" || fail no-space "$WORK"
	# Modes as they were sent: they go into the image, where another user may have to read the files,
	# and they decide whether a layer is cached. WORK itself stays closed to others.
	chmod 755 "$TREE"
	message=$(umask 022 && tar -xpzf "$ARCHIVE" -C "$TREE" 2>&1) || {
		rm -rf "$TREE" # a full disk has no room for a reason
		fail unpack "$message"
	}
	FILE=$TREE/$DOCKERFILE
	if [ -n "$OUTSIDE" ]; then
		mv "$TREE/$OUTSIDE" "$WORK/build/$SHA256-dockerfile" || fail unpack "$OUTSIDE"
		FILE=$WORK/build/$SHA256-dockerfile/${DOCKERFILE#"$OUTSIDE/"}
	fi

	set -- --progress=plain -t "$IMAGE" -f "$FILE"
	[ -z "$STAGE" ] || set -- "$@" --target "$STAGE"
	[ -z "$PLATFORM" ] || set -- "$@" --platform "$PLATFORM"
	while IFS= read -r word; do
		[ -z "$word" ] || set -- "$@" --label "$word"
	done <<LIST
$LABELS
LIST
	while IFS= read -r word; do
		[ -z "$word" ] || set -- "$@" --build-arg "$word"
	done <<LIST
$ARGS
LIST
	n=0
	while IFS= read -r name; do
		[ -n "$name" ] || continue
		n=$((n + 1))
		# The value goes from variable to file inside this shell: it is in no process's arguments.
		eval "printf %s \"\$SECRET_$n\"" >"$WORK/build/secrets/$n"
		set -- "$@" --secret "id=$name,src=$WORK/build/secrets/$n"
	done <<LIST
$SECRETS
LIST

	if [ "$BUILDX" = 1 ]; then
		set -- dk buildx build --load "$@" "$TREE"
	else
		set -- dk build "$@" "$TREE"
		export DOCKER_BUILDKIT=1
	fi
	mkfifo "$WORK/build/wanted" || fail no-space "$WORK"
	while wanted; do nap; done >"$WORK/build/wanted" &
	watch=$!
	before=$(free_bytes "$ROOT")
	with_client "$@" <"$WORK/build/wanted" 6>&-
	code=$?
	kill "$watch" 2>/dev/null
	[ "$code" = 0 ] || {
		in_time || fail late "$TIMEOUT"
		job_lives "$RUN" || fail no-job "$RUN"
		fail build "$code"
	}
	bytes=$(taken "$before" "$(free_bytes "$ROOT")")
	rm -f "$ARCHIVE"
	id=$(dk image inspect --format '{{.Id}}' "$IMAGE")
	note_made "$id" "$IMAGE" "$bytes"
	put image-id "$id"
	put end ''
}

in_time() {
	[ "$(uptime_s)" -lt "$until" ]
}

wanted() {
	in_time && job_lives "$RUN"
}

nap() {
	sleep 0.5 2>/dev/null || sleep 1
}

# builder: the build, and what it leaves behind for as long as somebody may want to read it.
builder() {
	(build)
	# Its own end, good or bad, it has said itself.
	[ "$?" -le 1 ] || (fail died 'the process that builds was killed')
	rm -rf "$WORK/build" "$WORK/going"
	while [ ! -e "$WORK/read" ] && job_lives "$RUN"; do nap; done
	rm -rf "$WORK"
}

# follow: what the build said and says, from READ on; ends with it.
follow() {
	exec 4<"$WORK/said"
	[ "$READ" = 0 ] || dd bs=1 skip="$READ" count=0 <&4 2>/dev/null
	looks=0
	going=1
	while [ -n "$going" ]; do
		[ -e "$WORK/going" ] || going=
		looks=$((looks + 1))
		[ "$((looks % 20))" != 0 ] || ! (flock -n 5) 5<"$WORK/own" || going=
		line=
		if IFS= read -r line <&4; then
			printf '%s\n' "$line" >&8
			cat <&4 >&8
		else
			printf %s "$line" >&8
		fi
		[ -z "$going" ] || sleep 0.05 2>/dev/null || sleep 1
	done
	# Its processes were killed before they could say so.
	[ ! -e "$WORK/going" ] || (fail died 'the process that builds was killed')
	# Time enough for a client that is there to close.
	linger 3
	kill "$$"
}

job_lives "$RUN" || fail no-job "$RUN"
if [ "$READ" = 0 ] && mkdir "$WORK" 2>/dev/null; then
	until=$(($(uptime_s) + TIMEOUT))
	: >"$WORK/said" && : >"$WORK/going" && exec 6>"$WORK/own" && flock 6 || fail no-space "$WORK"
	(
		trap '' HUP
		builder
	) </dev/null >/dev/null 2>&1 8>>"$WORK/said" &
	exec 6>&-
fi
[ "$READ" = 0 ] || [ -d "$WORK" ] || fail no-job "$RUN"
[ -f "$WORK/said" ] || fail no-space "$WORK"
follow &
follower=$!
while IFS= read -r line; do
	[ "$line" = read ] && : >"$WORK/read" || continue
	# The builder removes it; but for one that was killed.
	! (flock -n 5) 5<"$WORK/own" || rm -rf "$WORK"
done
kill "$follower" 2>/dev/null
