# files.sh: the Compose files of a run: replaced, and put back without losing what somebody else wrote.
# A part of job.sh, whose variables it uses.

# has_hash FILE HASHES: whether its is one of them; without any, whatever it is.
has_hash() {
	[ -z "$2" ] || case " $2 " in *" $(sha_of "$1" 2>/dev/null) "*) ;; *) return 1 ;; esac
}

# replace FILE TEXT-FILE [HASHES]: FILE's content becomes TEXT-FILE's, atomically, with FILE's owner and
# mode. With HASHES only if it has one of them to the last: somebody may just be saving it.
replace() {
	_new=$(dirname "$1")/.$(basename "$1").deployctl-new
	{ cleared "$_new" && cp -p "$1" "$_new" && cat "$2" >"$_new" && durable "$_new" && has_hash "$1" "${3:-}" &&
		mv "$_new" "$1" && durable "$1"; } || {
		rm -f "$_new"
		return 1
	}
}

# ready PATH: where the bytes of before wait beside PATH, so that putting them back needs no space.
ready() {
	printf '%s/.%s.deployctl-before\n' "$(dirname "$1")" "$(basename "$1")"
}

# keep_broken N PATH FOUND: of a broken file the bytes are kept, but no rollback goes back to them.
keep_broken() {
	[ -f "$RUN/edit.$1.mended" ] || return 0
	cp -p "$2" "$RUN/edit.$1.found" && [ "$(sha_of "$RUN/edit.$1.found")" = "$3" ] &&
		cat "$RUN/edit.$1.mended" >"$RUN/edit.$1.before" &&
		cat "$RUN/edit.$1.mended" >"$(ready "$2")" && durable "$RUN/edit.$1.found"
}

# unedited N LITERAL IMAGE PATH: RUN/edit.N.merged is somebody's edit of our file, without our own: line by
# line, as we changed them. Of one image, a line that was edited as well.
unedited() {
	spend file
	awk '
		FNR == 1 { file++ }
		file == 1 { before[++b] = $0; next }
		file == 2 { after[++a] = $0; next }
		{ now[++n] = $0 }
		END {
			i = 1
			for (j = 1; j <= a; j++) {
				if (i <= b && before[i] == after[j]) { i++; continue }
				ours[++lines] = after[j]
				added[lines] = i > b || (j < a && after[j + 1] == before[i])
				if (!added[lines]) theirs[lines] = before[i++]
			}
			for (x = 1; x <= n; x++) {
				if (done < lines && now[x] == ours[done + 1]) {
					if (!added[++done]) print theirs[done]
				} else {
					for (k in ours) if (now[x] == ours[k]) exit 1
					print now[x]
				}
			}
			exit !(lines && done == lines && i == b + 1)
		}' "$RUN/edit.$1.before" "$RUN/edit.$1.after" "$4" >"$RUN/edit.$1.merged" && return
	[ "$2" != - ] && [ "$(grep -c . "$RUN/services")" = 1 ] &&
		awk -v new="$3" -v old="$2" '
			/image["'\'']?[ \t]*:/ {
				at = index($0, new)
				if (at && substr($0, at + length(new), 1) !~ /[A-Za-z0-9_.:@\/-]/) {
					$0 = substr($0, 1, at - 1) old substr($0, at + length(new))
					found++
				}
			}
			{ print }
			END { exit found != 1 }' "$4" >"$RUN/edit.$1.merged"
}

# put_back_file N BEFORE AFTER LITERAL IMAGE NAMED PATH FOUND: whole bytes while the file is still
# ours, or gone; of a foreign edit only the image is put back. A broken file that lies there still
# says that nothing was swapped.
put_back_file() {
	now=$(sha_of "$7" 2>/dev/null)
	if [ "$now" = "$2" ]; then
		return 0
	elif [ "$now" = "$8" ] && containers_of_before; then
		unswapped=1
	elif [ "$now" = "$3" ] || [ "$now" = "$8" ] || [ ! -e "$7" ]; then
		if [ "$(sha_of "$(ready "$7")" 2>/dev/null)" = "$2" ]; then
			mv "$(ready "$7")" "$7" && durable "$7"
		else
			replace "$7" "$RUN/edit.$1.before"
		fi
	elif unedited "$1" "$4" "$5" "$7"; then
		say "note${TAB}foreign-edit$TAB$7 was edited during the run: kept, only its image is put back"
		replace "$7" "$RUN/edit.$1.merged" "$now"
	elif images_of_before; then
		# Put back by an earlier try, or by somebody; or it was never ours.
		say "note${TAB}foreign-edit$TAB$7 was edited during the run: kept, and it names the images of before"
	else
		say "failed${TAB}foreign-edit$TAB$7 was edited during the run and no longer names $5"
		return 1
	fi
}
