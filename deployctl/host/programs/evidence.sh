# evidence.sh: what the job kept of a run that was rolled back.  DOCKER PROJECT PUBLIC RUN
#include docker.sh

for file in "$RUN"/failed.* "$RUN"/console "$RUN"/log; do
	[ -f "$file" ] || continue
	put name "$(basename "$file")"
	content=$(last_bytes 1048576 <"$file" | scrub "$PROJECT" "$PUBLIC") ||
		content="left out: what is secret in it can't be told from what isn't"
	put content "$content"
done
