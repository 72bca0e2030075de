# evidence.sh: what the job kept of a run that was rolled back.  DOCKER PROJECT PUBLIC RUN
#include docker.sh

for file in "$RUN"/failed.* "$RUN"/console "$RUN"/log; do
	[ -f "$file" ] || continue
	put name "$(basename "$file")"
	put content "$(tail -c 1048576 "$file" | scrub "$PROJECT" "$PUBLIC")"
done
