# follow.sh: what comes on stdin is handed to the job of RUN; what the job logs is put out, from line
# SKIP on. Ends with the client, or soon after the job: of a link that is silent nobody tells the host.
# ORDER is what the client ordered before its line broke: given again unless the log has it.
#include alive.sh

# Open for both: a job that has gone must not block us.
exec 3<>"$RUN/control" || fail no-run "$RUN"

# ordered ORDER: whether it was given before.
ordered() {
	cut -f 2- "$RUN/log" | grep -Fxq -- "ordered	$1"
}

# hand ORDER: gives it to the job. Orders stand in the log before the job has them; a client that was
# there just now is no news. A line that was lost may come to life with a switch that was ordered over
# the next one by then.
hand() {
	[ "$1" != swap ] || ! ordered swap || return 0
	read -r now rest </proc/uptime
	# The job may be busy for longer than a client may be silent.
	printf '%s\n' "${now%.*}" >"$RUN/heard"
	case $1 in
	beat*) ;;
	*) printf '%s\tordered\t%s\n' "$now" "$1" >>"$RUN/log" ;;
	esac
	printf '%s\n' "$1" >&3
}

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
			put end ''
			# Time enough for a client that is there to close.
			linger 3
			kill "$$"
			return
		fi
		sleep 0.05 2>/dev/null || sleep 1
	done
}
[ -z "$ORDER" ] || ordered "$ORDER" || hand "$ORDER"
follow &
follower=$!
while IFS= read -r line; do
	hand "$line"
done
kill "$follower" 2>/dev/null
