# attach.sh: a client's line to a running job.
#
# RUN SKIP ORDER   see follow.sh
#include alive.sh

[ -p "$RUN/control" ] || fail no-run "$RUN"
if [ ! -f "$RUN/pid" ] || job_lives "$RUN"; then
	put job alive
else
	put job "gone $(cat "$RUN/state" 2>/dev/null)"
fi
#include follow.sh
