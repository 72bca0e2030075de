# alive.sh: whether a run's job lives. Its process ID alone may be another's after a reboot.

# job_lives RUN
job_lives() {
	_pid=$(cat "$1/pid" 2>/dev/null)
	[ -n "$_pid" ] && tr '\0' ' ' <"/proc/$_pid/cmdline" 2>/dev/null | grep -Fq "$1/job.sh"
}
