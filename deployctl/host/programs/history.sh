# history.sh: the last LINES runs that ended, oldest first, and which images have which tags.
#
# DOCKER STATE_DIR LINES
#include docker.sh

put tags "$(dk image ls --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}')"
put history "$(tail -n "$LINES" "$STATE_DIR/history.jsonl" 2>/dev/null)"
