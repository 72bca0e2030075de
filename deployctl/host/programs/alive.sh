# alive.sh: whether a run's job lives. Its process ID alone may be another's after a reboot.

# job_lives RUN
job_lives() {
	_pid=$(cat "$1/pid" 2>/dev/null)
	[ -n "$_pid" ] && tr '\0' ' ' <"/proc/$_pid/cmdline" 2>/dev/null | grep -Fq "$1/job.sh"
}

# linger SECONDS: in naps, so that nothing of it outlives its shell for long.
linger() {
	read -r _now _ </proc/uptime
	_until=$((${_now%.*} + $1))
	while read -r _now _ </proc/uptime && [ "${_now%.*}" -lt "$_until" ]; do
		sleep 0.05 2>/dev/null || sleep 1
	done
}
