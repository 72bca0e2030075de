# state.sh: where a run stands.  RUN

put state "$(cat "$RUN/state" 2>/dev/null)"
put lines "$(wc -l <"$RUN/log" 2>/dev/null | tr -d ' ')"
pid=$(cat "$RUN/pid" 2>/dev/null)
if [ -n "$pid" ] && [ -d "/proc/$pid" ]; then put job alive; else put job gone; fi
