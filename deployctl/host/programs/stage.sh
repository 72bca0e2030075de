# stage.sh: puts what the swap and the rollback will need into the run's directory.
#
# RUN STATE_GROUP
# DRY_RUN          what Compose would have done on `up` when the plan was made
# SERVICES_TABLE EDITS_TABLE   see job.sh
# EDITS            number of edited files; EDIT_1 … their new bytes, EDIT_1_SHA … their digests;
#                  EDIT_1_MENDED the bytes that a rollback goes back to where the file is broken

[ -z "$STATE_GROUP" ] || umask 007
printf '%s\n' "$SERVICES_TABLE" >"$RUN/services" || fail no-space "$RUN"
printf '%s\n' "$EDITS_TABLE" >"$RUN/edits" || fail no-space "$RUN"
printf '%s\n' "$DRY_RUN" >"$RUN/dry-run" || fail no-space "$RUN"
n=1
while [ "$n" -le "$EDITS" ]; do
	eval "printf %s \"\$EDIT_$n\"" >"$RUN/edit.$n.after" || fail no-space "$RUN"
	eval "want=\$EDIT_${n}_SHA"
	# shellcheck disable=SC2154 # assigned by eval
	eval "mended=\$EDIT_${n}_MENDED"
	# shellcheck disable=SC2154 # assigned by eval
	[ -z "$mended" ] || printf %s "$mended" >"$RUN/edit.$n.mended" || fail no-space "$RUN"
	[ "$(sha256sum <"$RUN/edit.$n.after" | cut -d' ' -f1)" = "$want" ] || fail bad-staging "edit.$n.after"
	n=$((n + 1))
done
put staged "$RUN"
