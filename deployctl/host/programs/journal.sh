# journal.sh: what the host's journal says of a run that has ended; then notes seals in it. The client
# seals in between: what it hears goes into the seal.
#
# STATE_DIR STATE_GROUP
# RUN_ID    the run whose job writes its last entry about now, or empty
# UNNOTED   seals that earlier runs could not note, as below
# Standard input: a line `RUN DIGEST` for each seal.
#include docker.sh
#include chain.sh

[ -z "$STATE_GROUP" ] || umask 007
book=$STATE_DIR/journal.jsonl
# entry TEXT: the last entry with that text.
entry() {
	grep -F "$1" "$book" 2>/dev/null | tail -n 1
}

# note: the seals on standard input.
note() {
	while read -r run digest; do
		case $run$digest in *[!A-Za-z0-9:-]*) fail odd-seal "$run" ;; esac
		[ -z "$run" ] || journal_add seal "$run" ",\"seal\":\"$digest\"" || put failed "$run"
	done
}

note <<LIST
$UNNOTED
LIST
begin=
if [ -n "$RUN_ID" ]; then
	begin=$(entry "\"event\":\"begin\",\"run\":\"$RUN_ID\"")
	tries=0
	while [ -n "$begin" ] && [ -z "$(entry "\"event\":\"end\",\"run\":\"$RUN_ID\"")" ] && [ "$tries" -lt 30 ]; do
		tries=$((tries + 1))
		sleep 0.1 2>/dev/null || sleep 1
	done
fi
put begin "$begin"
put first "$(head -n 1 "$book" 2>/dev/null)"
# In this order: a seal that another run notes meanwhile is then none that this one passes over.
put last "$(tail -n 1 "$book" 2>/dev/null)"
put seal "$(entry '"event":"seal"')"
put ready ''
note
if [ -f "$book" ]; then
	# Others may go on with it meanwhile.
	size=$(($(wc -c <"$book")))
	put bytes "$size"
	put whole "$(head -c "$size" "$book" | sha256sum | cut -d' ' -f1)"
	put first "$(head -n 1 "$book")"
	put last "$(head -c "$size" "$book" | tail -n 1)"
fi
