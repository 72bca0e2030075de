# confirm.sh: confirms a run, and reads back what it came to.
#
# RUN STATE_GROUP
# BY   who confirms in the place of the run's own client, which is told so when it comes back; or empty

[ -p "$RUN/control" ] || fail no-run "$RUN"
if [ -n "$BY" ]; then
	[ -z "$STATE_GROUP" ] || umask 007
	# Another operator's may lie there, of a confirmation that was refused.
	{ rm -f "$RUN/confirmed-by" && printf '%s\n' "$BY" >"$RUN/confirmed-by"; } 2>/dev/null || :
fi
exec 3<>"$RUN/control" || fail no-run "$RUN"
echo "confirm ${RUN##*/}" >&3
tries=0
while [ "$tries" -lt 500 ]; do
	state=$(cat "$RUN/state" 2>/dev/null)
	case $state in
	swapped*) ;;
	*) break ;;
	esac
	tries=$((tries + 1))
	sleep 0.05 2>/dev/null || sleep 1
done
put state "$state"
