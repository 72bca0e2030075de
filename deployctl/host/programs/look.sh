# look.sh: the containers of one service, now, or of the whole project.  DOCKER PROJECT SERVICE PUBLIC
#include docker.sh

put containers "$(project_containers "$PROJECT" "$SERVICE" | inspect_scrubbed "$PUBLIC")"
