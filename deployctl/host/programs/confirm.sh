# confirm.sh: confirms a run, and reads back what it came to.  RUN

[ -p "$RUN/control" ] || fail no-run "$RUN"
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
