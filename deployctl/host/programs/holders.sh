# holders.sh: which processes hold the lock of a state directory, as far as this user can see them.
#
# holders LOCK: their IDs, one a line, the oldest first.
holders() {
	_lock=$(readlink -f "$1") || return 0
	# One program for them all: a busy host has tens of thousands of descriptors.
	# shellcheck disable=SC2012 # a listing is all that is asked
	ls -l /proc/[0-9]*/fd 2>/dev/null | LOCK=" -> $_lock" awk '
		/^\/proc\/[0-9]+\/fd:$/ { split($0, part, "/") }
		length($0) > length(ENVIRON["LOCK"]) && substr($0, length($0) - length(ENVIRON["LOCK"]) + 1) == ENVIRON["LOCK"] { print part[3] }
	' | sort -un
}

# free LOCK: whether nobody holds it.
free() {
	(flock -n 9) 9<"$1"
}
