# room.sh: what of Docker's disk could be freed. Docker takes its time to tell it. Changes nothing.
#
# DOCKER
#include docker.sh

TAB=$(printf '\t')
told=$(dk system df -v --format "{{range .Images}}image$TAB{{.ID}}$TAB{{.Repository}}:{{.Tag}}$TAB{{.UniqueSize}}$TAB{{.Containers}}{{println}}{{end}}{{range .BuildCache}}cache$TAB{{.ID}}$TAB{{.InUse}}$TAB{{.Shared}}$TAB{{.Size}}{{println}}{{end}}" 2>&1) ||
	fail docker "$told"
put room "$told"
