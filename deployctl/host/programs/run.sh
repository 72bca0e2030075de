# run.sh: what a run's directory says of it.  RUN
#include alive.sh

[ -d "$RUN" ] || fail no-run "$RUN"
put state "$(cat "$RUN/state" 2>/dev/null)"
if job_lives "$RUN"; then put job alive; else put job gone; fi
[ ! -f "$RUN/about.json" ] || put_file about "$RUN/about.json"
[ ! -f "$RUN/confirmed-by" ] || put_file confirmed-by "$RUN/confirmed-by"
for record in "$RUN"/release.*.json; do
	[ ! -f "$record" ] || put_file release "$record"
done
