# look.sh: the containers of one service, now.  DOCKER PROJECT SERVICE
#include docker.sh

put containers "$(project_containers "$PROJECT" "$SERVICE" | inspect_all)"
put epoch "$(date +%s)"
