# relay.sh: standard input and output become a TCP connection to HOST PORT, for an sshd that forwards
# none itself. Says `connecting`, and `up` once it stands; the bytes that follow are no records.
#
# Needs bash (its /dev/tcp) or BusyBox' nc. Fails with `refused`, or `no-relay` where neither is.

put connecting ''
export HOST PORT
exec 4<&0
# Run with the connection as descriptor 3. It ends when either side has: the peer by closing, the
# client by closing the channel, which is the end of our input.
# shellcheck disable=SC2016 # for the other shell
pump='
printf "up 0\n\n" >&8
cat <&3 >&8 2>/dev/null &
down=$!
{ cat <&4 >&3; kill "$down"; } >/dev/null 2>&1 8>&- &
wait "$down"
exit 0'
if command -v bash >/dev/null 2>&1; then
	bash -c "exec 3<>\"/dev/tcp/\$HOST/\$PORT\" || exit 1$pump" 2>/dev/null && exit 0
elif busybox nc --help 2>&1 | grep -q -e '-e PROG'; then
	busybox nc "$HOST" "$PORT" -e sh -c "exec 3<&0$pump" 2>/dev/null && exit 0
else
	fail no-relay 'the host has neither bash nor the nc of BusyBox'
fi
fail refused "$HOST:$PORT"
