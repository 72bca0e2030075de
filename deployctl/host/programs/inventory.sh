# inventory.sh: what deployctl has left on this host, and what has a use for it. Changes nothing.
#
# DOCKER STATE_DIR
#include docker.sh
#include containers.sh

TAB=$(printf '\t')
tags=$(dk image ls --no-trunc --format "{{.ID}}$TAB{{.Repository}}:{{.Tag}}" 2>&1) || fail docker "$tags"
put tags "$tags"
holders=$(every_container '{"id":{{json .Id}},"image":{{json .Image}},"pin":{{json .Config.Image}},"status":{{json .State.Status}},"keeps":{{json (index .Config.Labels "io.deployctl.keeps")}},"state":{{json (index .Config.Labels "io.deployctl.state")}}}') ||
	fail docker 'the containers of the host could not be listed'
put holders "$holders"
put made "$(cat "$STATE_DIR/made" 2>/dev/null)"

put runs "$(for run in "$STATE_DIR"/runs/*/; do
	[ -d "$run" ] || continue
	run=${run%/}
	printf '%s\t%s\t%s\t%s\n' "${run##*/}" "$(cut -d' ' -f1 "$run/state" 2>/dev/null)" \
		"$(stat -c %Y "$run/state" 2>/dev/null || echo 0)" \
		"$(sed -n 's/^LIVE_AFTER=//p' "$run/settings" 2>/dev/null | tr -d "'")"
done)"

# The state of other projects, as far as it can be found and read.
own=$(readlink -f "$STATE_DIR")
put elsewhere "$({
	printf '%s\n' /var/lib/deployctl/*
	dk ps -a --filter label=io.deployctl.state --format '{{.Label "io.deployctl.state"}}'
} | sort -u | while IFS= read -r other; do
	[ -d "$other/releases" ] && [ "$(readlink -f "$other")" != "$own" ] || continue
	grep -ho 'sha256:[0-9a-f]\{64\}' "$other"/releases/*.json 2>/dev/null
done | sort -u)"
