#!/bin/sh
# Boots the host: what an init system would start, in its order. Runs under a reaping PID 1.
say() { echo "init: $*"; }

# not privileged: /sys and the cgroups come read-only
for mount in /sys $(awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts); do
  if awk -v m="$mount" '$2 == m && $4 ~ /(^|,)ro(,|$)/ {f = 1} END {exit !f}' /proc/mounts; then
    mount -o remount,bind,rw "$mount" 2>/dev/null || say "$mount stays read-only"
  fi
done
# cgroup v2 delegates controllers only from a group without processes of its own
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  for _ in 1 2 3; do
    xargs -rn1 < /sys/fs/cgroup/cgroup.procs > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null || :
  done
  sed -e 's/ / +/g' -e 's/^/+/' < /sys/fs/cgroup/cgroup.controllers \
    > /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || say 'no controllers to delegate'
fi
mount --make-rshared / 2>/dev/null || say 'cannot share mounts'

# a power cut leaves these behind
rm -rf /run/docker /run/docker.pid /var/run/docker-ssd.pid /run/containerd /run/sshd.pid \
  /run/crond.pid /run/prometheus /run/lab-ready
mkdir -p /run/sshd /run/lock
[ -f /etc/ssh/ssh_host_ed25519_key ] ||
  ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key

stop() {
  say stopping
  service prometheus stop
  service docker stop
  service ssh stop
  exit 0
}
trap stop TERM INT

service docker start
service ssh start
service prometheus start
service cron start
tries=0
until docker version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    say 'Docker did not start:'
    tail -n 20 /var/log/docker.log
    exit 1
  fi
  sleep 0.1
done
touch /run/lab-ready
say ready
while :; do
  sleep 3600 &
  wait $!
done
