# lock.sh: who holds the lock.  STATE_DIR
#include holders.sh

[ -f "$STATE_DIR/lock" ] || finish
put about "$(cat "$STATE_DIR/lock.json" 2>/dev/null)"
if free "$STATE_DIR/lock"; then finish; fi
put held "$STATE_DIR/lock"
for pid in $(holders "$STATE_DIR/lock"); do
	put process "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-200)"
done
