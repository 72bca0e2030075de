# entries.sh: the host's journal, in pieces.  STATE_DIR

book=$STATE_DIR/journal.jsonl
[ -f "$book" ] || finish
[ -r "$book" ] || fail state-denied "$book"
size=$(($(wc -c <"$book")))
at=0
while [ "$at" -lt "$size" ]; do
	piece=$((size - at))
	[ "$piece" -le 8388608 ] || piece=8388608
	{
		printf 'piece %s\n' "$piece"
		tail -c +"$((at + 1))" "$book" | head -c "$piece"
		printf '\n'
	} >&8
	at=$((at + piece))
done
