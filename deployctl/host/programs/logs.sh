# logs.sh: the last LINES log lines of each container of SERVICE.  DOCKER PROJECT SERVICE LINES PUBLIC
#include docker.sh

ids=$(project_containers "$PROJECT" "$SERVICE") || fail docker "the containers of $SERVICE can't be listed"
for id in $ids; do
	lines=$(dk logs --tail "$LINES" "$id" 2>&1 | last_bytes 262144 | scrub "$PROJECT" "$PUBLIC") ||
		fail unscrubbed "the log of $id"
	put container "$id"
	put lines "$lines"
done
