# start.sh: makes a run's directory on the host and starts its job, which holds the lock and from
# then on needs no client; then follows it, as attach.sh does.
#
# RUN              the run's directory
# STATE_GROUP      the operators' group, or empty
# ABOUT            the run, as JSON (for people and for other clients)
# SETTINGS         the job's variables, as shell assignments
# PROGRAM          the job's program
# BOOT             what the host runs after a restart

[ -z "$STATE_GROUP" ] || umask 007
[ ! -e "$RUN" ] || fail run-exists "$RUN"
mkdir "$RUN" || fail no-space "$RUN"
printf '%s\n' "$ABOUT" >"$RUN/about.json" || fail no-space "$RUN"
printf '%s\n' "$SETTINGS" >"$RUN/settings" || fail no-space "$RUN"
printf '%s\n' "$PROGRAM" >"$RUN/job.sh" || fail no-space "$RUN"
printf '%s\n' "$BOOT" >"$RUN/boot.sh" || fail no-space "$RUN"
: >"$RUN/log"
mkfifo "$RUN/control" || fail no-fifo "$RUN/control"
setsid sh "$RUN/job.sh" "$RUN" </dev/null >>"$RUN/console" 2>&1 8>&- &
put started "$RUN"
SKIP=0
ORDER=
#include follow.sh
