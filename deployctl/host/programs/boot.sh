# boot.sh STATE_DIR: run by the host itself after a restart (guard.sh). What the restart cut off is put
# back, or, where it was a rollback, brought to its end: by the job of the run itself.
for run in "$1"/runs/*/; do
	run=${run%/}
	# It is there until the job has come to its very end.
	[ ! -f "$run/open" ] || sh "$run/job.sh" "$run" 'the host was restarted' </dev/null >>"$run/console" 2>&1
done
