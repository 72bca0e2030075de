# shellcheck shell=sh
# docker.sh: the words in which the other programs speak to Docker and Compose.
#
# DOCKER holds the command's words, one a line: `docker`, or `sudo`, `-n`, `docker`. Lists of words
# are split at newlines only. Nothing here prints the value of a container's environment variable:
# INSPECT leaves them on the host.

NL='
'

# LIMIT has words that bound each question to Docker: one that hangs must not hold up the rest, nor
# outlive its client for long.
LIMIT=
! timeout 5 true 2>/dev/null || LIMIT="timeout${NL}60"
dk() (
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one word a line
	exec $LIMIT $DOCKER "$@"
)

# compose WORDS ARGUMENTS…: `docker compose` with WORDS (project and files, one word a line).
compose() (
	words=$1
	shift
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one word a line
	exec $LIMIT $DOCKER compose --ansi never $words "$@"
)

# What Docker itself says of a container, in words that are no secret; and, for WORDS, what people and
# programs have written, which may hold some. `.Id` stands only in the engine's own JSON, where it is
# an error to name what is missing: `index` asks for it.
INSPECT='{"id":{{json .Id}},"name":{{json .Name}},"imageId":{{json .Image}},"imageRef":{{json .Config.Image}},"created":{{json .Created}},"state":{"Status":{{json .State.Status}},"StartedAt":{{json .State.StartedAt}},"ExitCode":{{json .State.ExitCode}},"OOMKilled":{{json .State.OOMKilled}},"Health":{{with index .State "Health"}}{{json .Status}}{{else}}""{{end}}},"restartCount":{{json .RestartCount}},"restartPolicy":{{json .HostConfig.RestartPolicy.Name}},"networkMode":{{json .HostConfig.NetworkMode}},"networks":{{json .NetworkSettings.Networks}},"ports":{{json .NetworkSettings.Ports}},"asked":{{json .HostConfig.PortBindings}},"service":{{json (index .Config.Labels "com.docker.compose.service")}},"project":{{json (index .Config.Labels "com.docker.compose.project")}},"configHash":{{json (index .Config.Labels "com.docker.compose.config-hash")}},"oneoff":{{json (index .Config.Labels "com.docker.compose.oneoff")}}}'
# shellcheck disable=SC2016 # a template of Docker's
WORDS='{"error":{{json .State.Error}},"health":[{{with index .State "Health"}}{{range $i, $e := .Log}}{{if $i}},{{end}}{"exitCode":{{json $e.ExitCode}},"output":{{json $e.Output}}}{{end}}{{end}}]}'
# Each line of a value stands for itself, so that a key of many lines is known by every one of them.
# shellcheck disable=SC2016
ENVIRONMENT='{{range .Config.Env}}{{$name := index (split . "=") 0}}{{range $i, $line := split . "\n"}}{{"\n\001"}}{{if $i}}{{$name}}={{end}}{{$line}}{{end}}{{end}}'
MARK=$(printf '\001')

# project_containers PROJECT [SERVICE]: full IDs, one a line.
project_containers() {
	if [ -n "${2:-}" ]; then
		dk ps -aq --no-trunc --filter "label=com.docker.compose.project=$1" \
			--filter "label=com.docker.compose.service=$2" \
			--filter "label=com.docker.compose.oneoff=False"
	else
		dk ps -aq --no-trunc --filter "label=com.docker.compose.project=$1"
	fi
}

# inspect_all: reads IDs, prints a line of JSON each; one that is gone meanwhile is passed over.
inspect_all() (
	ids=$(cat)
	[ -n "$ids" ] || return 0
	set -f
	IFS=$NL
	# shellcheck disable=SC2086 # one ID a line
	$LIMIT $DOCKER inspect --type container --format "$INSPECT" $ids 2>/dev/null || :
)

# secret_lines PUBLIC: of NAME=VALUE lines those that may not be shown: values of 8 characters or
# more, shorter ones where the name looks secret; PUBLIC names (one a line) are left out. What says
# no more than yes or no is none, whatever its name: AUTH_ENABLED=true. The longest come first: a
# value that is a part of another must not leave the rest of it.
secret_lines() {
	awk -v public="$1" '
		BEGIN { n = split(public, names, "\n"); for (i = 1; i <= n; i++) shown[names[i]] = 1 }
		{ at = index($0, "="); if (!at) next
		  name = substr($0, 1, at - 1); value = substr($0, at + 1)
		  if (name in shown || name == "PATH" || name == "LANG") next
		  if (tolower(value) ~ /^(true|false|null)$/) next
		  secret = toupper(name) ~ /PASS|SECRET|TOKEN|KEY|CREDENTIAL|PWD|AUTH|DSN/
		  if (length(value) >= 8 || (secret && length(value) >= 3)) print length(value) "\t" $0 }' |
		sort -rn | uniq | cut -f 2-
}

# secrets_of PROJECT PUBLIC: those of the environments of its containers.
secrets_of() {
	_containers=$(project_containers "$1") || return 1
	[ -n "$_containers" ] || return 0
	_environment=$(
		set -f
		IFS=$NL
		# shellcheck disable=SC2086 # one ID a line
		$LIMIT $DOCKER inspect --type container --format ".$ENVIRONMENT" $_containers 2>/dev/null
	)
	[ -n "$_environment" ] || return 1
	printf '%s\n' "$_environment" | sed -n "s/^$MARK//p" | secret_lines "$2"
}

# What awk knows of a value: the forms in which tools print it, in `form`, the longest first.
# shellcheck disable=SC2016 # awk
FORMS='
	BEGIN { set_up() }
	function set_up(i, n, list) {
		q = sprintf("%c", 39)
		for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
		power[0] = 1; power[2] = 4; power[4] = 16; power[6] = 64 # BusyBox may have no `^`
		digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		as("json repr", "\\ \\\\ \t \\t \r \\r")
		as("json", "\" \\\"")
		as("go", "\\ \\\\ \" \\\" \t \\t \r \\r & \\u0026 < \\u003c > \\u003e")
		as("quoted", "\\ \\\\ " q " \\" q)
		as("html number text", "& &amp; < &lt; > &gt;")
		as("html", "\" &quot; " q " &#x27;")
		as("number", "\" &#34; " q " &#39;")
		as("mixed", "& &amp; < &lt; > &gt; \" &quot; " q " &#39;")
		as("sh", q " " q "\\" q q)
		as("shlex", q " " q "\"" q "\"" q)
		as("inside", "\\ \\\\ \" \\\" $ \\$ ` \\`")
		n = split("! \" $ & " q " ( ) * , ; < > ? [ \\ ] ^ ` { | }", list, " ")
		for (i = 1; i <= n; i++) map["bash", list[i]] = "\\" list[i]
		map["bash", " "] = "\\ "
		map["form", " "] = "+"
	}
	# as MODES PAIRS: in each of these modes each of these characters is printed as what follows it.
	function as(modes, pairs, mode, pair, i, j, m, n) {
		m = split(modes, mode, " ")
		n = split(pairs, pair, / /)
		for (i = 1; i <= m; i++) for (j = 1; j < n; j += 2) map[mode[i], pair[j]] = pair[j + 1]
	}
	function swap(text, what, with, out, at) {
		out = ""
		while ((at = index(text, what)) > 0) {
			out = out substr(text, 1, at - 1) with
			text = substr(text, at + length(what))
		}
		return out text
	}
	function add(text, i) {
		if (text in had) return
		had[text] = 1
		for (i = ++forms; i > 1 && length(form[i - 1]) < length(text); i--) form[i] = form[i - 1]
		form[i] = text
	}
	function printed(text, mode, out, c, i) {
		out = ""
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			out = out ((mode, c) in map ? map[mode, c] : c)
		}
		return out
	}
	function in_url(text, mode, plain, hex, out, c, i) {
		out = ""
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			if ((mode, c) in map) c = map[mode, c]
			else if (c !~ /[A-Za-z0-9_.~-]/ && !index(plain, c)) c = sprintf(hex, ord[c])
			out = out c
		}
		return out
	}
	# Of two and three bytes, as most letters beyond ASCII have.
	function in_ascii(text, out, c, i) {
		out = ""
		for (i = 1; i <= length(text); i++) {
			c = ord[substr(text, i, 1)]
			if (c >= 192 && c < 224) c = (c - 192) * 64 + ord[substr(text, ++i, 1)] - 128
			else if (c >= 224 && c < 240) {
				c = (c - 224) * 4096 + (ord[substr(text, ++i, 1)] - 128) * 64
				c += ord[substr(text, ++i, 1)] - 128
			} else {
				out = out substr(text, i, 1)
				continue
			}
			out = out sprintf("\\u%04x", c)
		}
		return out
	}
	# What stays the same of it with so many bytes before it, whatever they and the next are.
	function in_base64(text, before, out, sum, bits, digit, i) {
		out = ""
		sum = bits = 0
		for (i = 1 - before; i <= length(text); i++) {
			sum = sum * 256 + (i < 1 ? 0 : ord[substr(text, i, 1)])
			for (bits += 8; bits >= 6; ) {
				bits -= 6
				digit = int(sum / power[bits])
				sum -= digit * power[bits]
				out = out substr(digits, digit + 1, 1)
			}
		}
		return substr(out, int((before * 8 + 5) / 6) + 1)
	}
	function forms_of(value, i, n, list) {
		split("", form)
		split("", had)
		forms = 0
		add(value)
		if (value ~ /["\\\t\r&<>]/ || index(value, q)) {
			n = split("json go repr quoted html number mixed text", list, " ")
			for (i = 1; i <= n; i++) add(printed(value, list[i]))
		}
		if (value ~ /[^A-Za-z0-9_.\/:@%+=~-]/) {
			n = split("sh shlex inside bash", list, " ")
			for (i = 1; i <= n; i++) add(printed(value, list[i]))
			add(in_ascii(value))
			add(in_ascii(printed(value, "json")))
		}
		if (value ~ /[^A-Za-z0-9_.~-]/) {
			add(in_url(value, "", "", "%%%02X"))
			add(in_url(value, "", "", "%%%02x"))
			add(in_url(value, "", "/", "%%%02X"))
			add(in_url(value, "", "!()*" q, "%%%02X"))
			add(in_url(value, "form", "", "%%%02X"))
		}
		for (i = 0; i < 3 && length(value) >= 8; i++) {
			add(in_base64(value, i))
			add(swap(swap(in_base64(value, i), "+", "-"), "/", "_"))
		}
	}
'

# hide FILE [words]: standard input with the values of FILE's NAME=VALUE lines replaced by their
# names, whatever form they have. FILE ends with `=end`: a list that was cut short must not pass for
# a whole one. With `words` a line is `STRUCTURE TAB WORDS`, both compact JSON of an object: only
# strings of WORDS are altered, names of fields are not, and what comes out is one object of both.
hide() {
	if [ "$(tail -n 1 "$1")" != '=end' ]; then
		cat >/dev/null
		return 1
	fi
	awk -v words="${2:-}" "$FORMS"'
		# An escape of JSON becomes one character that no line can have: no value can be found in
		# half of it. Of control characters a space is left.
		function folded(text) {
			text = swap(swap(text, "\\\\", "\001"), "\\\"", "\002")
			text = swap(swap(swap(text, "\\n", "\003"), "\\t", "\t"), "\\r", "\r")
			text = swap(swap(swap(text, "\\u0026", "&"), "\\u003c", "<"), "\\u003e", ">")
			gsub(/\\u..../, " ", text)
			gsub(/\\./, " ", text)
			return text
		}
		function unfolded(text) {
			text = swap(swap(swap(text, "\r", "\\r"), "\t", "\\t"), "\003", "\\n")
			return swap(swap(text, "\002", "\\\""), "\001", "\\\\")
		}
		function bare(text) { return words ? swap(swap(text, "\\", "\001"), "\"", "\002") : text }
		function hidden(text, i) {
			for (i = 1; i <= n; i++) text = swap(text, value[i], "[" name[i] "]")
			return text
		}
		function strings_hidden(text, out, string) {
			out = ""
			while (match(text, /"[^"]*"/)) {
				string = substr(text, RSTART, RLENGTH)
				out = out substr(text, 1, RSTART - 1)
				text = substr(text, RSTART + RLENGTH)
				out = out (substr(text, 1, 1) == ":" ? string : hidden(string))
			}
			return out text
		}
		known { at = index($0, "="); if (at < 2) next
			forms_of(substr($0, at + 1))
			for (i = 1; i <= forms; i++) {
				name[++n] = bare(substr($0, 1, at - 1))
				value[n] = bare(form[i])
			}
			next }
		words { at = index($0, "\t"); if (!at) next
			print substr($0, 1, at - 2) "," unfolded(strings_hidden(folded(substr($0, at + 2)))); next }
		{ print hidden($0) }' known=1 "$1" known=0 -
}

# marks KEYS: of NAME=VALUE lines on stdin what the client needs to find a value, in any form, in what
# no program here sees, such as an answer to a gate. A line a form: its length, a digest of its first
# characters (8 at most), two of all of it, the variable's name. No value can be read from them.
marks() {
	awk -v keys="$1" "$FORMS"'
		function digest(text, key, prime, sum, i) {
			sum = 0
			for (i = 1; i <= length(text); i++) sum = (sum * key + ord[substr(text, i, 1)]) % prime
			return sum
		}
		BEGIN { split(keys, key, " ") }
		{ at = index($0, "="); if (at < 2) next
		  forms_of(substr($0, at + 1))
		  for (i = 1; i <= forms; i++)
			printf "%d %d %d %d %s\n", length(form[i]),
				digest(substr(form[i], 1, 8), key[1], 2147483647) % 65536,
				digest(form[i], key[1], 2147483647), digest(form[i], key[2], 2147483629),
				substr($0, 1, at - 1) }'
}

# scrub PROJECT PUBLIC: standard input without secrets. They stay on this host, and no file keeps them
# when this is ended early.
scrub() (
	_known=$(mktemp "$TMPDIR/deployctl.XXXXXX") || {
		cat >/dev/null
		exit 1
	}
	trap 'rm -f "$_known"' EXIT
	trap 'exit 1' HUP INT PIPE TERM
	{ secrets_of "$1" "$2" && echo '=end'; } >"$_known"
	hide "$_known"
)

# last_bytes NUMBER: the end of standard input, from the beginning of a line: what is left of a line
# that was cut may be the half of a secret, which nobody knows.
last_bytes() {
	tail -c "$1" | awk -v most="$1" '
		{ size += length($0) + 1; line[NR] = $0 }
		END { for (i = 1 + (size >= most); i <= NR; i++) print line[i] }'
}

# scrub_said PROJECT PUBLIC: as scrub, of what Compose said. It quotes what it can't read, which may be a
# secret that no container has yet: of that no more is told than where it stands.
scrub_said() {
	sed -e 's/\(in variable name\).*/\1/' \
		-e '/unterminated quoted value/{' -e 's/\(unterminated quoted value\).*/\1/' -e q -e '}' \
		-e '/nvalid interpolation format for/{' \
		-e 's/\(nvalid interpolation format for "\{0,1\}[A-Za-z0-9_.-]*\).*/\1/' -e q -e '}' | scrub "$1" "$2"
}

# inspect_scrubbed PUBLIC [KEYS FILE]: as inspect_all, with WORDS, in which secrets of the same
# containers are hidden; one question. With KEYS their marks go to FILE. Of a container that is there
# and can't be told of, an empty object: it must not look like one that isn't there.
inspect_scrubbed() (
	_ids=$(cat)
	[ -n "$_ids" ] || exit 0
	_raw=$(
		set -f
		IFS=$NL
		# shellcheck disable=SC2086 # one ID a line
		$LIMIT $DOCKER inspect --type container --format "$INSPECT{{\"\\t\"}}$WORDS$ENVIRONMENT" $_ids 2>/dev/null
	)
	if ! _known=$(mktemp "$TMPDIR/deployctl.XXXXXX"); then
		echo '{}'
		exit
	fi
	trap 'rm -f "$_known"' EXIT
	trap 'exit 1' HUP INT PIPE TERM
	{ printf '%s\n' "$_raw" | sed -n "s/^$MARK//p" | secret_lines "$1" && echo '=end'; } >"$_known"
	printf '%s\n' "$_raw" | grep '^{"id":"' | hide "$_known" words || echo '{}'
	[ -z "${2:-}" ] || sed '$d' "$_known" | marks "$2" >"$3"
	[ "$(printf '%s\n' "$_raw" | grep -c '^{"id":"')" -lt "$(printf '%s\n' "$_ids" | wc -l)" ] || exit 0
	_there=$(dk ps -aq --no-trunc)
	printf '%s\n' "$_ids" | while IFS= read -r _id; do
		case $NL$_raw in *"$NL{\"id\":\"$_id\""*) continue ;; esac
		case $NL$_there$NL in *"$NL$_id$NL"*) echo '{}' ;; esac
	done
)

sha_of() {
	sha256sum <"$1" | cut -d' ' -f1
}

uptime_s() {
	cut -d. -f1 /proc/uptime
}

boot_id() {
	cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown
}

# engine_mark: another one after each start of Docker's, where that can be told.
engine_mark() {
	_pid=$(cat /run/docker.pid 2>/dev/null || pidof dockerd)
	printf '%s %s\n' "$(boot_id)" "$(sed 's/.*) //' "/proc/${_pid%% *}/stat" 2>/dev/null | cut -d' ' -f20)"
}

# cleared PATH: nothing lies there any more, no link either that somebody else has put at a name of ours
# beside the Compose file: a copy would be written to where it leads.
cleared() {
	rm -f "$1" 2>/dev/null
	[ ! -e "$1" ] && [ ! -h "$1" ]
}

# durable FILE…: what they hold is on the disk, as far as this host's sync can say.
durable() {
	sync "$@" 2>/dev/null || sync
}
