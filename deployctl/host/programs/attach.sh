# attach.sh: a client's line to a running job.  RUN SKIP

[ -p "$RUN/control" ] || fail no-run "$RUN"
#include follow.sh
