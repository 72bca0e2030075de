# history.sh: the last LINES runs that ended, oldest first, and which images are there.
#
# DOCKER STATE_DIR LINES
#include docker.sh

put images "$(dk image ls -aq --no-trunc | sort -u)"
put history "$(tail -n "$LINES" "$STATE_DIR/history.jsonl" 2>/dev/null)"
