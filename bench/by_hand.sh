#!/bin/sh
# The hotfix as the field report did it by hand, with loops where a person would look again.
#
#   by_hand.sh REPOSITORY SHA SSH_CONFIG HOST
set -eu
repository=$1 sha=$2 config=$3 host=$4
image=techno-os-api:$sha
compose=/opt/techno-os/app/backend/docker-compose.prod.yml
tarball=$(mktemp)
trap 'rm -f "$tarball"' EXIT

git -C "$repository" archive --format=tar "$sha" | gzip >"$tarball"
scp -q -F "$config" "$tarball" "$host:/tmp/techno-backend-$sha.tar.gz"
ssh -F "$config" "$host" "mkdir /tmp/build-$sha && cd /tmp/build-$sha &&
  tar -xzf /tmp/techno-backend-$sha.tar.gz && docker build -q -t $image ."
ssh -F "$config" "$host" "cp $compose /tmp/compose.before &&
  sed -i 's|image: techno-os-api:.*|image: $image|' $compose"
ssh -F "$config" "$host" "cd ${compose%/*} && docker compose -f ${compose##*/} up -d"
# shellcheck source=bench/checks.sh
. "${0%/*}/checks.sh"
