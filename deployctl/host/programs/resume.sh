# resume.sh: starts the job of an unfinished run again; it rolls back at once.  RUN REASON

[ -f "$RUN/job.sh" ] || fail no-run "$RUN"
pid=$(cat "$RUN/pid" 2>/dev/null)
if [ -z "$pid" ] || [ ! -d "/proc/$pid" ]; then
	rm -f "$RUN/control"
	mkfifo "$RUN/control" || fail no-fifo "$RUN/control"
	rm -f "$RUN/pid"
	setsid sh "$RUN/job.sh" "$RUN" "$REASON" </dev/null >>"$RUN/console" 2>&1 8>&- &
	put started "$RUN"
fi
put lines "$(wc -l <"$RUN/log" | tr -d ' ')"
