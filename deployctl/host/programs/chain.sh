# shellcheck shell=sh
# The host's journal: a line of JSON an entry, each with the SHA-256 of the line before, without its
# newline. No entry tells of a person: who ran what stands beside the run. Needs STATE_DIR and docker.sh.

NO_ENTRY=0000000000000000000000000000000000000000000000000000000000000000

# journal_last: number and digest of the last entry; 0 and zeros where there is none.
journal_last() {
	_entry=$(tail -n 1 "$STATE_DIR/journal.jsonl" 2>/dev/null)
	[ -n "$_entry" ] || {
		echo "0 $NO_ENTRY"
		return
	}
	_seq=$(printf '%s\n' "$_entry" | sed -n 's/^{"seq":\([1-9][0-9]\{0,8\}\),.*/\1/p')
	printf '%s %s\n' "${_seq:-$(($(wc -l <"$STATE_DIR/journal.jsonl")))}" \
		"$(printf '%s' "$_entry" | sha256sum | cut -d' ' -f1)"
}

# journal_cut BYTES: the journal ends there.
journal_cut() {
	dd if=/dev/null of="$STATE_DIR/journal.jsonl" bs=1 seek="$1" 2>/dev/null
}

# journal_add EVENT RUN FIELDS: adds an entry, unless the very same is there; FIELDS are more members
# of its JSON, each after a comma. It is on the disk then, or (a full disk) nothing of it is.
journal_add() (
	_book=$STATE_DIR/journal.jsonl
	exec 6>>"$_book"
	_tries=0
	until flock -n 6; do
		[ "$_tries" -lt 50 ] || exit 1
		_tries=$((_tries + 1))
		sleep 0.1 2>/dev/null || sleep 1
	done
	! grep -Fq "\"event\":\"$1\",\"run\":\"$2\"$3}" "$_book" || exit 0
	_size=$(($(wc -c <"$_book")))
	if [ "$_size" -gt 0 ] && [ "$(($(tail -c 1 "$_book" | wc -l)))" = 0 ]; then
		# Half a line of one that was killed in the middle of it: nobody was told of that entry.
		_size=$((_size - $(tail -n 1 "$_book" | wc -c)))
		journal_cut "$_size" || exit 1
	fi
	_last=$(journal_last)
	{
		printf '{"seq":%s,"prev":"%s","at":"%s","event":"%s","run":"%s"%s}\n' "$((${_last% *} + 1))" \
			"${_last#* }" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$3" >&6 && durable "$_book"
	} || {
		journal_cut "$_size"
		exit 1
	}
)
