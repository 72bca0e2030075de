# logs.sh: the last LINES log lines of each container of SERVICE.  DOCKER PROJECT SERVICE LINES PUBLIC
#include docker.sh

project_containers "$PROJECT" "$SERVICE" | while IFS= read -r id; do
	put container "$id"
	put lines "$(dk logs --tail "$LINES" "$id" 2>&1 | tail -c 262144 | scrub "$PROJECT" "$PUBLIC")"
done
