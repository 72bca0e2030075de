# images.sh: the image IDs behind references (REFERENCES, one a line); empty for one that is gone.
#include docker.sh

while IFS= read -r reference; do
	put id "$(dk image inspect --format '{{.Id}}' "$reference" 2>/dev/null)"
done <<LIST
$REFERENCES
LIST
