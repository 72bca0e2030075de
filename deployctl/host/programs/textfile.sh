# textfile.sh: puts a file of metrics where node_exporter reads it, as a whole or not at all.
#
# DIRECTORY  its textfile directory
# NAME       the file's name, of letters, digits, `.`, `_` and `-`
# TEXT       all that is in it

[ -d "$DIRECTORY" ] || fail directory "there is no directory $DIRECTORY"
[ ! -d "$DIRECTORY/$NAME" ] || fail directory "$DIRECTORY/$NAME is a directory"
# node_exporter reads only what ends in .prom. A name that somebody else has taken is not written through.
temporary=$DIRECTORY/.$NAME.$$
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT PIPE TERM
rm -f "$temporary"
(set -C && printf '%s' "$TEXT" >"$temporary") 2>/dev/null ||
	fail write "$(id -un) can't write in $DIRECTORY, or its disk is full"
chmod 0644 "$temporary" || fail write "$temporary can't be made readable"
sync "$temporary" 2>/dev/null || :
mv -f "$temporary" "$DIRECTORY/$NAME" 2>/dev/null ||
	fail write "$(id -un) can't replace $DIRECTORY/$NAME"
put written "$DIRECTORY/$NAME"
