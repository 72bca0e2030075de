# attach.sh: a client's line to a running job. What comes on stdin is handed to the job; what the
# job logs is put out, from line SKIP on. Ends with the client.  RUN SKIP

[ -p "$RUN/control" ] || fail no-run "$RUN"
# Open for both: a job that has gone must not block us.
exec 3<>"$RUN/control" || fail no-run "$RUN"

follow() {
	exec 4<"$RUN/log"
	seen=0
	while :; do
		while IFS= read -r line <&4; do
			seen=$((seen + 1))
			[ "$seen" -le "$SKIP" ] || put event "$line"
		done
		pid=$(cat "$RUN/pid" 2>/dev/null)
		if [ -n "$pid" ] && [ ! -d "/proc/$pid" ]; then
			# Once more: the last lines may have come since the read above.
			while IFS= read -r line <&4; do
				put event "$line"
			done
			put gone "$pid"
			return
		fi
		sleep 0.05 2>/dev/null || sleep 1
	done
}
follow &
follower=$!
while IFS= read -r line; do
	printf '%s\n' "$line" >&3
done
kill "$follower" 2>/dev/null
