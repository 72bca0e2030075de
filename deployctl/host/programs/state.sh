# state.sh: where a run stands.  RUN
#include alive.sh

put state "$(cat "$RUN/state" 2>/dev/null)"
put lines "$(wc -l <"$RUN/log" 2>/dev/null | tr -d ' ')"
if job_lives "$RUN"; then put job alive; else put job gone; fi
