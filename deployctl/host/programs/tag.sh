# tag.sh: gives an image that is on the host another reference.
#
# DOCKER IMAGE_ID REFERENCE
# RUN STATE_GROUP   see made.sh
#include docker.sh
#include made.sh

message=$(dk tag "$IMAGE_ID" "$REFERENCE" 2>&1) || fail tag "$message"
note_made "$IMAGE_ID" "$REFERENCE" -
