# holders.sh: which processes hold the lock of a state directory, as far as this user can see them.
#
# holders LOCK: their IDs, one a line, the oldest first.
holders() {
	_lock=$(readlink -f "$1") || return 0
	for _fd in /proc/[0-9]*/fd/*; do
		[ "$(readlink "$_fd" 2>/dev/null)" = "$_lock" ] || continue
		_holder=${_fd#/proc/}
		printf '%s\n' "${_holder%%/*}"
	done | sort -un
}

# free LOCK: whether nobody holds it.
free() {
	(flock -n 9) 9<"$1"
}
