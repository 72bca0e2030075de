#!/bin/sh
# Once, while the image of the host is built: its users, sshd, Docker and Prometheus.
set -eu

# deploy reaches Docker; sudoer only through sudo; nodocker not at all; minimal has only BusyBox
for user in deploy sudoer nodocker minimal; do
  useradd --create-home --shell /bin/bash "$user"
  usermod --password '*' "$user" # no password, yet not locked (sshd refuses a locked account)
  install -d -o "$user" -g "$user" -m 700 "/home/$user/.ssh"
done
groupadd techno
usermod -aG docker,techno deploy
usermod -aG techno sudoer
usermod -aG docker,techno minimal
echo 'sudoer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/sudoer
chmod 440 /etc/sudoers.d/sudoer

mkdir -p /opt/busybox
for applet in $(busybox --list); do ln -s /usr/bin/busybox "/opt/busybox/$applet"; done
ln -s /usr/bin/docker /opt/busybox/docker
ln -sf /usr/bin/flock /opt/busybox/flock # an applet that Debian leaves out
usermod --shell /opt/busybox/sh minimal
echo /opt/busybox/sh >> /etc/shells

install -d -o deploy -g techno -m 2775 /opt/techno-os /opt/techno-os/app /opt/techno-os/app/backend
install -d -o deploy -g deploy -m 700 /opt/techno-os/env

cat > /etc/ssh/sshd_config.d/lab.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin no
UseDNS no
Match User minimal
    SetEnv PATH=/opt/busybox
CONF
sed -i 's/^\(session.*pam_loginuid.so\)/#\1/' /etc/pam.d/sshd # a container has no audit

cat > /etc/prometheus/prometheus.yml <<'CONF'
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
scrape_configs:
  - job_name: techno-os-api
    static_configs:
      - targets: ["127.0.0.1:8000"]
CONF
cat > /etc/default/prometheus <<'CONF'
ARGS="--web.listen-address=127.0.0.1:9090 --web.enable-lifecycle --storage.tsdb.retention.time=1d"
CONF

# the subnets of this engine must not be those of the engine around it
mkdir -p /etc/docker
cat > /etc/docker/daemon.json <<'CONF'
{
  "bip": "10.213.0.1/24",
  "default-address-pools": [{"base": "10.214.0.0/16", "size": 24}],
  "log-driver": "json-file",
  "log-opts": {"max-size": "5m"}
}
CONF
echo 'cgroup /sys/fs/cgroup auto noauto 0 0' >> /etc/fstab # keeps init.d/docker off the cgroups
# a root without CAP_SYS_RESOURCE can't raise limits: not an error
sed -i 's/^\([[:space:]]*ulimit -[np] .*\)$/\1 2>\/dev\/null || :/' \
  /etc/init.d/docker /etc/init.d/prometheus
