# shellcheck shell=sh
# upload.sh: takes a file on standard input, from where an earlier attempt ended.
#
# REMOTE   where it goes; REMOTE.part is it while it is not whole
# SIZE     bytes
# SHA256   hex
#
# Says `stored` when REMOTE is already that file, else `have` with the bytes of REMOTE.part and
# their digest; then expects a line `from N` and the bytes from N on.

sum_of() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

size_of() {
    _size=$(wc -c <"$1") && printf '%s' "$((_size))"
}

part=$REMOTE.part
directory=${REMOTE%/*}
[ "$directory" != "$REMOTE" ] || directory=.
[ -d "${directory:-/}" ] || fail path "There is no directory ${directory:-/} on the host."
[ ! -d "$REMOTE" ] || fail path "$REMOTE is a directory on the host."

if [ -f "$REMOTE" ] && [ "$(size_of "$REMOTE")" = "$SIZE" ] && [ "$(sum_of "$REMOTE")" = "$SHA256" ]; then
    rm -f "$part"
    put stored "$SHA256"
    finish
fi
if [ -f "$part" ] && [ "$(size_of "$part")" -le "$SIZE" ] && cp "$part" "$part.kept" && mv -f "$part.kept" "$part"; then
    # A file of our own: over a link that came back to life, the earlier attempt may still write to
    # its own.
    put have "$(size_of "$part") $(sum_of "$part")"
else
    rm -f "$part" "$part.kept"
    put have "0 $(printf '' | sha256sum | cut -d ' ' -f 1)"
fi

IFS=' ' read -r word start || fail link "The connection ended before the file came."
[ "$word" = from ] || fail protocol "Expected: from N."
[ "$start" != 0 ] || rm -f "$part"
# A disk that is full stops more than this upload: what it brought is worth less than the room.
if ! cat >>"$part"; then
    rm -f "$part"
    fail disk "The file could not be written to $part: is the disk full?"
fi

[ "$(size_of "$part")" = "$SIZE" ] || fail incomplete "Only $(size_of "$part") of $SIZE bytes came."
if [ "$(sum_of "$part")" != "$SHA256" ]; then
    rm -f "$part"
    fail digest "What arrived is not what was sent: the digests differ. It was removed."
fi
mv -f "$part" "$REMOTE" || fail path "$part could not be renamed to $REMOTE."
put stored "$SHA256"
