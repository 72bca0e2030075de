#!/bin/sh
# The same by Docker's own remote access: the build's context and the compose file stay here.
# DOCKER_HOST and DOCKER_CONFIG are set; `ssh` on PATH knows the key.
#
#   docker_host.sh REPOSITORY SHA SSH_CONFIG HOST COMPOSE_FILE
set -eu
# shellcheck disable=SC2034 # the checks read config and host
repository=$1 sha=$2 config=$3 host=$4 compose=$5
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

git -C "$repository" archive --format=tar "$sha" | tar -x -C "$context"
export CONTEXT="$context" RELEASE="$sha"
docker compose -f "$compose" build -q api
docker compose -f "$compose" up -d --no-build api
# shellcheck source=bench/checks.sh
. "${0%/*}/checks.sh"
