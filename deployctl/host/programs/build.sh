# build.sh: unpacks the shipped source, checks it, and builds the image. Dies with the client.
#
# ARCHIVE SHA256   the uploaded .tar.gz and its digest; removed once the image is built
# WORK             a directory of this run; removed at the end
# IMAGE            the tag to give
# DOCKERFILE STAGE PLATFORM   the last two may be empty
# OUTSIDE          the directory of the archive with a Dockerfile that is not part of the context
# LABELS ARGS      `name=value`, one a line
# SECRETS          names, one a line; the value of the N-th comes in the variable SECRET_N
# BUILDX           1 where the buildx plugin is there
#include docker.sh

[ "$(sha_of "$ARCHIVE")" = "$SHA256" ] || fail bad-archive "$ARCHIVE"
# The lock is held, so whatever else is here was left by runs that were cut off.
for left in "${WORK%/*}"/*; do
	[ "$left" = "$ARCHIVE" ] || rm -rf "$left"
done
# A context of its own name for each tree: BuildKit remembers what one of that name held before.
TREE=$WORK/$SHA256
mkdir -p "$TREE" "$WORK/secrets" || fail no-space "$WORK"
trap 'rm -rf "$WORK"' EXIT
# Modes as they were sent: they go into the image, where another user may have to read the files,
# and they decide whether a layer is cached. WORK itself stays closed to others.
chmod 755 "$TREE"
message=$(umask 022 && tar -xpzf "$ARCHIVE" -C "$TREE" 2>&1) || fail unpack "$message"
FILE=$TREE/$DOCKERFILE
if [ -n "$OUTSIDE" ]; then
	mv "$TREE/$OUTSIDE" "$WORK/$SHA256-dockerfile" || fail unpack "$OUTSIDE"
	FILE=$WORK/$SHA256-dockerfile/${DOCKERFILE#"$OUTSIDE/"}
fi

set -- --progress=plain -t "$IMAGE" -f "$FILE"
[ -z "$STAGE" ] || set -- "$@" --target "$STAGE"
[ -z "$PLATFORM" ] || set -- "$@" --platform "$PLATFORM"
while IFS= read -r word; do
	[ -z "$word" ] || set -- "$@" --label "$word"
done <<LIST
$LABELS
LIST
while IFS= read -r word; do
	[ -z "$word" ] || set -- "$@" --build-arg "$word"
done <<LIST
$ARGS
LIST
n=0
while IFS= read -r name; do
	[ -n "$name" ] || continue
	n=$((n + 1))
	# The value goes from variable to file inside this shell: it is in no process's arguments.
	eval "printf %s \"\$SECRET_$n\"" >"$WORK/secrets/$n"
	set -- "$@" --secret "id=$name,src=$WORK/secrets/$n"
done <<LIST
$SECRETS
LIST

if [ "$BUILDX" = 1 ]; then
	set -- dk buildx build --load "$@" "$TREE"
else
	set -- dk build "$@" "$TREE"
	export DOCKER_BUILDKIT=1
fi
with_client "$@" || fail build "$?"
rm -f "$ARCHIVE"
put image-id "$(dk image inspect --format '{{.Id}}' "$IMAGE")"
