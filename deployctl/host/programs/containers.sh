# containers.sh: every container of the host, whoever's it is.
#
# every_container FORMAT: a line for each; fails where one of them could not be asked. One that
# goes meanwhile is no reason: they are asked again.
every_container() {
	for _try in 1 2 3; do
		_all=$(dk ps -aq --no-trunc) || return 1
		[ -n "$_all" ] || return 0
		_told=$(
			set -f
			IFS=$NL
			# shellcheck disable=SC2086 # one ID a line
			$LIMIT $DOCKER inspect --type container --format "$1" $_all 2>/dev/null
		) && {
			printf '%s\n' "$_told"
			return 0
		}
	done
	return 1
}
