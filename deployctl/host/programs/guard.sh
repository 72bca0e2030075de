# guard.sh: what on this host goes on with a run that a restart of the host cut off. The best first:
#
#   root-unit   a systemd unit of the system's, run as this user
#   user-unit   a systemd unit of this user's, who lingers
#   cron        an @reboot line in this user's crontab
#   none        nothing: the next command of deployctl's finds the run
#
# It runs STATE_DIR/boot.sh. What is installed stays, for the next run; without an unfinished run it
# does nothing.

# guard_root COMMAND…: as root, if this user may without a password. A user who has no business with
# sudo doesn't ask: it would be reported.
guard_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ "${DOCKER%%"$NL"*}" = sudo ] || id -Gn | tr ' ' '\n' | grep -qxE 'sudo|wheel|admin'; then
		sudo -n "$@"
	else
		return 1
	fi
}

guard_cron() {
	command -v crontab >/dev/null 2>&1 && { pidof crond || pidof cron; } >/dev/null 2>&1 || return 1
	# BusyBox's knows @reboot only if it was built with it.
	_crond=$(readlink -f "$(command -v crond || command -v cron)" 2>/dev/null)
	case $_crond in */busybox) grep -q '@reboot' "$_crond" || return 1 ;; esac
	crontab -l >/dev/null 2>&1 || crontab -l 2>&1 | grep -q 'no crontab'
}

# guard_rung: the best that this host offers, for STATE_DIR.
guard_rung() {
	# Both a unit and a crontab have their own idea of what other characters mean.
	case $STATE_DIR in *[!A-Za-z0-9_./@+,:-]*) echo none && return ;; esac
	if [ -d /run/systemd/system ] && guard_root true 2>/dev/null; then
		echo root-unit
	elif [ -d /run/systemd/system ] && [ -e "/var/lib/systemd/linger/$(id -un)" ]; then
		echo user-unit
	elif guard_cron; then
		echo cron
	else
		echo none
	fi
}

# guard_told RUNG: its name for people.
guard_told() {
	case $1 in
	root-unit) echo "the systemd unit $(guard_unit)" ;;
	user-unit) echo "the systemd user unit $(guard_unit)" ;;
	cron) echo 'the @reboot line in the crontab' ;;
	*) echo 'nothing' ;;
	esac
}

guard_unit() {
	printf 'deployctl-%s.service\n' "$(printf '%s' "$STATE_DIR" | cksum | cut -d' ' -f1)"
}

# guard_text WANTED-BY USER-LINE: the unit.
guard_text() {
	cat <<UNIT
[Unit]
Description=Ends a rollout of deployctl's that a restart cut off ($STATE_DIR)
After=docker.service
ConditionPathExists=$STATE_DIR/boot.sh

[Service]
Type=simple
$2ExecStart=/bin/sh $STATE_DIR/boot.sh $STATE_DIR

[Install]
WantedBy=$1
UNIT
}

# guard_install RUNG: makes it so; it is so already after the first run.
guard_install() {
	case $1 in
	root-unit)
		_unit=/etc/systemd/system/$(guard_unit)
		_text=$(guard_text multi-user.target "User=$(id -un)$NL")
		[ "$(cat "$_unit" 2>/dev/null)" = "$_text" ] &&
			[ -e "/etc/systemd/system/multi-user.target.wants/$(guard_unit)" ] && return
		printf '%s\n' "$_text" | guard_root sh -c "umask 022; cat >$_unit" &&
			guard_root systemctl --quiet enable "$(guard_unit)"
		;;
	user-unit)
		_units=$HOME/.config/systemd/user
		(
			umask 022
			mkdir -p "$_units/default.target.wants" &&
				guard_text default.target '' >"$_units/$(guard_unit)" &&
				ln -sf "../$(guard_unit)" "$_units/default.target.wants/$(guard_unit)"
		)
		;;
	cron)
		_line="@reboot sh $STATE_DIR/boot.sh $STATE_DIR"
		if ! _crontab=$(crontab -l 2>/dev/null); then
			crontab -l 2>&1 | grep -q 'no crontab' || return 1
		fi
		case $NL$_crontab$NL in *"$NL$_line$NL"*) return ;; esac
		{
			[ -z "$_crontab" ] || printf '%s\n' "$_crontab"
			printf '%s\n' "$_line"
		} | crontab -
		;;
	none) ;;
	*) return 1 ;;
	esac 2>>"$RUN/console"
}
