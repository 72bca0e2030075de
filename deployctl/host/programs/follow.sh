# follow.sh: what comes on stdin is handed to the job of RUN; what the job logs is put out, from line
# SKIP on. Ends with the client.
#include alive.sh

# Open for both: a job that has gone must not block us.
exec 3<>"$RUN/control" || fail no-run "$RUN"

# tell: what the log has grown by. A line may come in two halves.
tell() {
	while IFS= read -r line <&4; do
		seen=$((seen + 1))
		[ "$seen" -le "$SKIP" ] || put event "$half$line"
		half=
	done
	half=$half$line
}

follow() {
	exec 4<"$RUN/log"
	seen=0
	half=
	checks=0
	while :; do
		line=
		tell
		checks=$((checks + 1))
		if [ "$((checks % 10))" = 0 ] && [ -f "$RUN/pid" ] && ! job_lives "$RUN"; then
			tell
			put gone "$RUN"
			return
		fi
		sleep 0.05 2>/dev/null || sleep 1
	done
}
follow &
follower=$!
while IFS= read -r line; do
	# The job may be busy for longer than a client may be silent.
	cut -d. -f1 /proc/uptime >"$RUN/heard"
	printf '%s\n' "$line" >&3
done
kill "$follower" 2>/dev/null
