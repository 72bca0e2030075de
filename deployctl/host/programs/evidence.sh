# evidence.sh: what the job kept of a run that was rolled back.  RUN

for file in "$RUN"/failed.* "$RUN"/console "$RUN"/log; do
	[ -f "$file" ] || continue
	put name "$(basename "$file")"
	put_file content "$file"
done
