# unlock.sh: asks the run that holds the lock to let go; ends its processes where it does not.
#
# STATE_DIR RUN    RUN is the directory of the run that is meant, or empty
#include holders.sh

# gone SECONDS: whether the lock is free within so long.
gone() {
	left=$1
	until free "$STATE_DIR/lock"; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 1
	done
}

# The run may have been armed since it was looked at: then only a rollback may end it.
case $(cut -d' ' -f1 "$RUN/state" 2>/dev/null) in
armed | swapped | rolling_back) fail armed "$(cat "$RUN/state")" ;;
esac
if [ -n "$RUN" ] && [ -p "$RUN/control" ]; then
	exec 3<>"$RUN/control"
	echo release >&3
	if gone 5; then
		put freed asked
		finish
	fi
	case $(cut -d' ' -f1 "$RUN/state" 2>/dev/null) in
	armed | swapped | rolling_back) fail armed "$(cat "$RUN/state")" ;;
	esac
fi
for pid in $(holders "$STATE_DIR/lock"); do
	_end_tree "$pid"
done
gone 5 || fail held "$STATE_DIR/lock"
# What it had begun is brought to its end, or a restart of the host would find it.
[ ! -f "$RUN/open" ] || sh "$RUN/job.sh" "$RUN" unlocked </dev/null >>"$RUN/console" 2>&1 8>&-
rm -f "$STATE_DIR/lock.json"
put freed ended
