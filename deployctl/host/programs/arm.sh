# arm.sh: keeps the records that a confirmation will publish, then orders the job to arm.
#
# RUN STATE_GROUP
# RELEASES         number of records; RELEASE_1 …, RELEASE_1_NAME …

[ -z "$STATE_GROUP" ] || umask 007
n=1
while [ "$n" -le "$RELEASES" ]; do
	eval "name=\$RELEASE_${n}_NAME"
	# shellcheck disable=SC2154 # assigned by eval
	eval "printf '%s\\n' \"\$RELEASE_$n\"" >"$RUN/release.$name.json" || fail no-space "$RUN"
	n=$((n + 1))
done
[ -p "$RUN/control" ] || fail no-run "$RUN"
# Open for both: a job that has gone must not block us.
exec 3<>"$RUN/control" || fail no-run "$RUN"
echo arm >&3
put ordered arm
