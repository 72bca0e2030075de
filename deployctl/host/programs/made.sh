# made.sh: a list of the images that deployctl has made on this host, and of what they took.
#
# STATE_DIR/made   a line each: the run, the image ID, the reference that it was given, and the bytes
#                  by which Docker's disk was fuller after the build, or `-`; separated by tabs

# note_made IMAGE-ID REFERENCE BYTES: by the run of the directory RUN; STATE_GROUP reads it, too.
note_made() {
	(
		[ -z "$STATE_GROUP" ] || umask 007
		printf '%s\t%s\t%s\t%s\n' "${RUN##*/}" "$1" "$2" "$3" >>"${RUN%/runs/*}/made"
	)
}

# free_bytes PATH: what is free on its file system; empty where that can't be told.
free_bytes() {
	stat -f -c '%a %S' "$1" 2>/dev/null | while read -r _blocks _size; do echo "$((_blocks * _size))"; done
}

# taken BEFORE AFTER: by how much less is free; `-` where that can't be told.
taken() {
	if [ -z "$1" ] || [ -z "$2" ]; then
		echo -
	elif [ "$1" -gt "$2" ]; then
		echo "$(($1 - $2))"
	else
		echo 0
	fi
}
