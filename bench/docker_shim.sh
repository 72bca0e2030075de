#!/bin/bash
# Stands before the host's docker while overhead is measured: notes when each call began and ended.
began=$EPOCHREALTIME
/usr/bin/docker "$@"
status=$?
words=$*
printf '%s %s %s\n' "$began" "$EPOCHREALTIME" "${words//$'\n'/ }" >>/var/tmp/bench-docker.log
exit $status
