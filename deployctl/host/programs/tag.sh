# tag.sh: gives an image that is on the host another reference.  DOCKER IMAGE_ID REFERENCE
#include docker.sh

message=$(dk tag "$IMAGE_ID" "$REFERENCE" 2>&1) || fail tag "$message"
