# look.sh: the containers of one service, now, or of the whole project.
#
# DOCKER PROJECT SERVICE PUBLIC   see docker.sh
# MARK_KEYS   for marks of what is secret in them, or empty
#include docker.sh

marks=$(mktemp "$TMPDIR/deployctl.XXXXXX") || fail no-space "$TMPDIR"
trap 'rm -f "$marks"' EXIT
trap 'exit 1' HUP INT PIPE TERM
put containers "$(project_containers "$PROJECT" "$SERVICE" | inspect_scrubbed "$PUBLIC" "$MARK_KEYS" "$marks")"
put_file marks "$marks"
