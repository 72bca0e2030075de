# steps.sh: what a run writes down, each thing before it is done, and the room that it keeps for that.
# A part of job.sh, whose variables it uses.

say() {
	printf '%s\t%s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*" >>"$RUN/log"
}

# step NAME [WHAT]: is on the disk before what it names begins: whoever comes after us knows how far
# this run had come.
step() {
	say "step$TAB$*"
	durable "$RUN/log"
}

# write_state WORD [REASON]: atomic, and on the disk before we go on.
write_state() {
	step "state-$1"
	case $1 in
	rolling_back) spend state ;;
	confirmed | rolled_back | rollback_failed | kept) spend end ;;
	esac
	{
		printf '%s\n' "$*" >"$RUN/state.new" && durable "$RUN/state.new" &&
			mv "$RUN/state.new" "$RUN/state" && durable "$RUN/state" "$RUN"
	} || {
		say "failed${TAB}state${TAB}the state $1 could not be written"
		return 1
	}
	say "state$TAB$*"
}

state() {
	cut -d' ' -f1 "$RUN/state" 2>/dev/null
}

# reserve: a full disk must not be in the way of a rollback. Each thing that it writes has room of its
# own, so that one that fills up while it goes on is not in the way of the next either.
reserve() {
	for _what in record:1 live:1 state:1 evidence:16 file:16 forget:1 end:1; do
		# Of random bytes: some file systems need no room for zeros.
		dd if=/dev/urandom of="$RUN/reserve.${_what%:*}" bs=65536 count="${_what#*:}" 2>/dev/null &&
			durable "$RUN/reserve.${_what%:*}" || return 1
	done
}

# spend WHAT: its room is free for it now.
spend() {
	rm -f "$RUN/reserve.$1"
}

# durable_run: all that the run keeps is on the disk. (Its FIFO is no file to sync.)
durable_run() {
	set --
	for _kept in "$RUN"/*; do
		[ ! -f "$_kept" ] || set -- "$@" "$_kept"
	done
	durable "$@"
}

# limited SECONDS COMMAND…: its output goes to RUN/console; 124 when it did not end in time. It
# keeps the lock: while it is at work nobody else may be, even if this job is killed.
limited() {
	_seconds=$1
	shift
	# It has a limit of its own here, for all its questions to Docker.
	{ LIMIT= && "$@"; } </dev/null >>"$RUN/console" 2>&1 3>&- 7>&- &
	_child=$!
	(
		exec 9>&- 3>&- 7>&-
		# In single seconds, so that nothing of it outlives the command for long.
		while [ "$_seconds" -gt 0 ] && [ -d "/proc/$_child" ]; do
			sleep 1
			_seconds=$((_seconds - 1))
		done
		[ -d "/proc/$_child" ] || exit 0
		# From here on it was too late, also if the command ends well when it is asked to end.
		trap '' TERM
		_end_tree "$_child"
		exit 124
	) >/dev/null 2>&1 &
	_guard=$!
	wait "$_child"
	_result=$?
	kill "$_guard" 2>/dev/null
	wait "$_guard"
	[ $? != 124 ] || return 124
	return "$_result"
}

# last_words: the end of what Compose said, on one line, without secrets.
last_words() {
	_said=$(last_bytes 65536 <"$RUN/console" | scrub_said "$PROJECT" "$PUBLIC" | tail -n 5 | tr '\n\t' '  ' | cut -c 1-600)
	# What is secret is known from Docker: without it nothing can be told.
	[ -n "$_said" ] || limited 10 engine_answers || _said='Docker went away meanwhile'
	printf '%s\n' "${_said:-Compose said nothing of it}"
}
