# diagnose.sh: what Compose says about the project's files as they are. Changes nothing.
#
# DOCKER COMPOSE_WORDS PROJECT PUBLIC   see docker.sh
# ENV_FILES   environment files that the services name, one a line
#include docker.sh

said=$(compose "$COMPOSE_WORDS" config --quiet 2>&1 | scrub_said "$PROJECT" "$PUBLIC") ||
	fail unscrubbed "what Compose says of its file"
put said "$said"
while IFS= read -r path; do
	[ -n "$path" ] || continue
	if [ ! -e "$path" ]; then
		put env-file 'does not exist'
	elif [ ! -r "$path" ] || [ -d "$path" ]; then
		put env-file "can't be read by $(id -un)"
	else
		put env-file ''
	fi
done <<LIST
$ENV_FILES
LIST
