# fields.sh: services as their Compose files have them, and as their containers do, for a comparison.
# Values that may be secret are told as digests with a key that stays here. Changes nothing.
#
# DOCKER COMPOSE_WORDS PROJECT   see docker.sh
# SERVICES   one a line
#include docker.sh

TAB=$(printf '\t')
key=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-32)

# flat: indented JSON as a line a value: the names on the way to it and the value, tabs between.
flat() {
	awk '
		{ sub(/^[ \t]+/, ""); sub(/,$/, ""); name = "" }
		match($0, /^"([^"\\]|\\.)*": /) { name = substr($0, 2, RLENGTH - 4); $0 = substr($0, RLENGTH + 1) }
		$0 == "}" || $0 == "]" { depth--; next }
		depth && name == "" { name = count[depth]++ }
		$0 == "{" || $0 == "[" { way[depth++] = name; count[depth] = 0; next }
		{ out = ""; for (i = 1; i < depth; i++) out = out way[i] "\t"; print out name "\t" $0 }'
}

# named: an environment that is a list of "NAME=value" gets the form of one with names.
named() {
	awk -F "$TAB" -v OFS="$TAB" '
		$1 == "Config" && $2 == "Env" && (at = index($4, "=")) {
			print $1, $2, substr($4, 2, at - 2), "\"" substr($4, at + 1); next }
		{ print }'
}

# veiled: what may be secret becomes a digest. Docker and Compose escape JSON in different ways.
veiled() {
	while IFS= read -r row; do
		way=${row%"$TAB"*}
		value=${row##*"$TAB"}
		case $TAB$way$TAB in
		# CMD, CMD-SHELL or NONE
		*"${TAB}healthcheck${TAB}test${TAB}0$TAB" | *"${TAB}Healthcheck${TAB}Test${TAB}0$TAB") ;;
		*"${TAB}environment$TAB"* | *"${TAB}Env$TAB"* | *"${TAB}command$TAB"* | *"${TAB}Cmd$TAB"* | *"${TAB}entrypoint$TAB"* | *"${TAB}Entrypoint$TAB"* | *"${TAB}healthcheck${TAB}test$TAB"* | *"${TAB}Healthcheck${TAB}Test$TAB"*)
			case $value in
			'"'*) value=$({ printf %s "$key"; printf '%s\n' "$value" |
				sed -e 's/\\u003c/</g' -e 's/\\u003e/>/g' -e 's/\\u0026/\&/g'; } | sha256sum | sed 's/^\(.\{16\}\).*/"\1"/') ;;
			esac
			;;
		esac
		printf '%s\t%s\n' "$way" "$value"
	done
}

# of_engine ID KIND: what is compared of a container or an image.
of_engine() {
	dk inspect --type "$2" "$1" 2>/dev/null | flat | sed "s/^0$TAB//" | grep -E "^(Id|Image|Config$TAB(Env|Cmd|Entrypoint|Healthcheck|Image|User|WorkingDir)|HostConfig$TAB(PortBindings|NetworkMode|RestartPolicy|Memory)|Mounts|NetworkSettings${TAB}Networks${TAB}[^$TAB]*${TAB}NetworkID)$TAB" | named | veiled
}

rendered=$(compose "$COMPOSE_WORDS" config --format json 2>/dev/null | flat) || rendered=
printf '%s\n' "$SERVICES" | while IFS= read -r service; do
	live=$(project_containers "$PROJECT" "$service" | sed -n 1p)
	[ -n "$live" ] || continue
	# A dollar is doubled where Compose would interpolate it.
	file=$(printf '%s\n' "$rendered" | awk -F "$TAB" -v service="$service" '
		($1 == "services" && $2 == service) || (($1 == "networks" || $1 == "volumes") && $3 == "name")' |
		sed 's/\$\$/$/g' | veiled)
	image=$(printf '%s\n' "$file" | sed -n "s/^services${TAB}[^$TAB]*${TAB}image$TAB\"\(.*\)\"$/\1/p")
	put service "$service"
	put file "$file"
	put container "$(of_engine "$live" container)"
	put image "$(of_engine "${image:-none}" image)"
done
