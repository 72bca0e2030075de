# resume.sh: starts the job of an unfinished run again, unless it lives; it finishes the run at once.
#
# RUN STATE_GROUP REASON
#include alive.sh

[ -z "$STATE_GROUP" ] || umask 007
[ -f "$RUN/job.sh" ] || fail no-run "$RUN"
put lines "$(wc -l <"$RUN/log" | tr -d ' ')"
if ! job_lives "$RUN"; then
	rm -f "$RUN/pid"
	[ -p "$RUN/control" ] || mkfifo "$RUN/control" || fail no-fifo "$RUN/control"
	setsid sh "$RUN/job.sh" "$RUN" "$REASON" </dev/null >>"$RUN/console" 2>&1 8>&- &
	put started "$RUN"
fi
