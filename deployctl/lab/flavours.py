"""The awkward hosts that people really have, as data: what each changes on a lab's host.

A flavour is put on a host once, when the first release serves. `undo` is for what a reset of the
host, which brings back its files, containers and images, would leave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployctl.errors import UsageError

COMPOSE_DIR = "/opt/techno-os/app/backend"
COMPOSE_FILE = f"{COMPOSE_DIR}/docker-compose.prod.yml"
PRELUDE = f"""\
set -eu
cd {COMPOSE_DIR}
file={COMPOSE_FILE}
block=/run/flavour.yml
as_deploy() {{ setpriv --reuid=deploy --regid=deploy --init-groups env HOME=/home/deploy "$@"; }}
edit() {{ as_deploy sed -i "$@" "$file"; }}
# into_api: what stands on standard input is added to the API's service.
into_api() {{ cat >"$block"; edit -e "/mem_limit: 256m/r $block"; }}
# services: what stands on standard input is added below the services.
services() {{ cat >"$block"; edit -e "/^volumes:/e cat $block"; }}
up() {{ as_deploy docker compose -f "$file" up --detach --wait; }}
first=$(sed -n 's/^    image: \\(techno-os-api:.*\\)/\\1/p' "$file")
"""
"""Before every `change`: the operator's hands, and the image of the first release."""

_BY_HAND = {"compose": {"files": [COMPOSE_FILE]}}
_ONLY_TCP = {
    "gates": {"health": None, "metrics": None, "prometheus": None, "tcp": {"address": "published"}},
    "availability": None,
}
_AT_THE_CONTAINER = {
    "gates": {
        "health": {"address": "container:8000"},
        "metrics": {"address": "container:8000"},
        "prometheus": None,
    },
    "availability": {"address": "container:8000"},
}
_GIVE = f"chown {{user}}:techno {COMPOSE_FILE}\nchown -R {{user}}:{{user}} /opt/techno-os/env\n"
_TMP = "mount -t tmpfs -o {options} tmpfs /tmp\n"
_HIDDEN = "/usr/local/lib/lab/hidden"
_OLD_ENGINE = f"""\
programs='usr/sbin/dockerd usr/bin/docker usr/bin/containerd usr/bin/containerd-shim-runc-v2
  usr/sbin/runc usr/sbin/docker-proxy'
# restart_docker COMMAND: with COMMAND done while the engine is off.
restart_docker() {{
  service docker stop >/dev/null
  "$@"
  service docker start >/dev/null
  timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.2; done'
}}
put_new() {{
  for path in $programs; do
    rm -f "/$path"
    [ ! -e "{_HIDDEN}/$path" ] || mv "{_HIDDEN}/$path" "/$path"
  done
}}
"""


@dataclass(frozen=True)
class Flavour:
    """One awkward host.

    `change` and `undo` are shell scripts that root runs on the host. `settings` go over those of
    the target file, section by section (None takes a setting out), `target` over the target's own.
    """

    name: str
    summary: str
    change: str
    undo: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)


FLAVOURS = (
    Flavour(
        "never-deployed",
        "the Compose file is there, and no container of the project",
        'as_deploy docker compose -f "$file" down',
        settings=_BY_HAND,
    ),
    Flavour(
        "stopped",
        "every container of the project is stopped",
        'as_deploy docker compose -f "$file" stop --timeout 1',
    ),
    Flavour(
        "crash-loop",
        "the API crashes at each start, and is restarted for ever",
        """\
printf 'FROM %s\\nRUN echo "raise SystemExit(3)" > app/main.py\\n' "$first" |
  docker build --quiet --tag techno-os-api:crashes - >/dev/null
edit -e 's/image: techno-os-api:.*/image: techno-os-api:crashes/'
echo '    restart: always' | into_api
as_deploy docker compose -f "$file" up --detach
timeout 30 sh -c 'until [ "$(docker inspect -f "{{.RestartCount}}" techno-os-api)" -gt 1 ]
  do sleep 0.2; done'
""",
    ),
    Flavour(
        "edited",
        "somebody edited the Compose file by hand, and never applied it",
        """\
into_api <<'YAML'
    environment:
      LOG_LEVEL: debug
YAML
edit -e 's/mem_limit: 256m/mem_limit: 300m/'
""",
    ),
    Flavour(
        "shell-variables",
        "the containers were started with variables of a shell that is gone",
        """\
into_api <<'YAML'
    environment:
      REGION: ${REGION}
YAML
as_deploy env REGION=sa-east-1 docker compose -f "$file" up --detach --wait
""",
    ),
    Flavour(
        "docker-host",
        "deployed through DOCKER_HOST: the files named by the labels aren't on the host",
        """\
as_deploy mkdir -p /home/deploy/laptop
as_deploy cp "$file" /home/deploy/laptop/compose.yml
cd /home/deploy/laptop
as_deploy docker compose -f compose.yml up --detach --wait --force-recreate
rm -r /home/deploy/laptop
""",
    ),
    Flavour(
        "two-files",
        "two Compose files, of which the second has the image",
        """\
as_deploy tee docker-compose.site.yml >/dev/null <<YAML
services:
  api:
    image: $first # set by the site
    environment:
      SITE: north
YAML
edit -e 's/image: techno-os-api:.*/image: techno-os-api:unused/'
as_deploy docker compose -f "$file" -f docker-compose.site.yml up --detach --wait
""",
    ),
    Flavour(
        "env-image",
        "image: ${REG}/api:${TAG:-latest}, with values from .env",
        """\
docker tag "$first" "registry.example/team/api:${first#*:}"
printf 'REG=registry.example/team\\nTAG=%s\\n' "${first#*:}" | as_deploy tee .env >/dev/null
edit -e 's|image: techno-os-api:.*|image: ${REG}/api:${TAG:-latest}|'
up
""",
        settings={"image": None},
    ),
    Flavour(
        "build-only",
        "the API's service has only build:, no image:",
        """\
as_deploy mkdir -p /opt/techno-os/source
echo "FROM $first" | as_deploy tee /opt/techno-os/source/Dockerfile >/dev/null
edit -e 's|image: techno-os-api:.*|build: /opt/techno-os/source|'
as_deploy docker compose -f "$file" up --detach --wait --build
""",
    ),
    Flavour(
        "one-image",
        "API, worker and scheduler run the same image",
        """\
services <<YAML
  worker: &loop
    image: $first
    init: true
    stop_grace_period: 1s
    command: [python, -c, "import time; time.sleep(1e6)"]
  scheduler:
    <<: *loop

YAML
up
""",
        settings={"services": ["api", "worker", "scheduler"]},
    ),
    Flavour(
        "replicas",
        "three replicas of the API, scaled by hand",
        """\
edit -e '/container_name: techno-os-api/d' -e 's/"127.0.0.1:8000:8000"/"127.0.0.1::8000"/'
as_deploy docker compose -f "$file" up --detach --wait --scale api=3
""",
        settings={"gates": {"prometheus": None}},
    ),
    Flavour(
        "no-port",
        "the API publishes no port",
        "edit -e '/^    ports:/,+1d'\nup\n",
        settings=_AT_THE_CONTAINER,
    ),
    Flavour(
        "tcp",
        "the API speaks a protocol of its own over TCP",
        """\
edit -e '/command: ..uvicorn/d' -e '/^  api:/,/^volumes:/{/^    healthcheck:/,/start_interval:/d}'
into_api <<'YAML'
    init: true
    command:
      - python
      - -c
      - |
        import socketserver

        class Echo(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.writelines(self.rfile)

        socketserver.TCPServer(("", 8000), Echo).serve_forever()
YAML
up
""",
        settings=_ONLY_TCP,
    ),
    Flavour(
        "host-network",
        "the API is in the host's own network",
        """\
edit -e '/^    ports:/,+1d' -e '/^  api:/,/^volumes:/{/^    networks:/,+1d}'
address='{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
into_api <<YAML
    network_mode: host
    extra_hosts:
      - postgres:$(docker inspect --format "$address" techno-os-db)
YAML
up
""",
        settings=_AT_THE_CONTAINER,
    ),
    Flavour(
        "symlink",
        "the Compose file is a symlink to a file elsewhere",
        """\
install -d -o deploy -g techno -m 2775 /srv/techno-os
as_deploy mv "$file" /srv/techno-os/production.yml
as_deploy ln -s /srv/techno-os/production.yml "$file"
""",
        undo="rm -rf /srv/techno-os",
    ),
    Flavour(
        "locked-directory",
        "the Compose file lies in a directory that deploy can't write",
        "chown root:root .\nchmod 755 .\n",
    ),
    Flavour(
        "root-owned",
        "the Compose file belongs to root",
        'chown root:root "$file"\nchmod 644 "$file"\n',
    ),
    Flavour(
        "read-only-mount",
        "the Compose file lies on a read-only mount",
        f"mount --bind {COMPOSE_DIR} {COMPOSE_DIR}\nmount -o remount,bind,ro {COMPOSE_DIR}\n",
        undo=f"umount {COMPOSE_DIR}",
    ),
    Flavour(
        "sudo",
        "Docker only by passwordless sudo",
        _GIVE.format(user="sudoer"),
        target={"user": "sudoer"},
    ),
    Flavour(
        "busybox",
        "a BusyBox userland",
        _GIVE.format(user="minimal"),
        target={"user": "minimal"},
    ),
    Flavour(
        "other-socket",
        "Docker listens at a socket of another path, as a rootless one does",
        """\
install -d -m 700 /run/root
install -d -o deploy -g deploy -m 700 /run/user/1000
ln /run/docker.sock /run/user/1000/docker.sock
chown deploy:deploy /run/user/1000/docker.sock
# The usual path is for root alone.
mv /run/docker.sock /run/root/docker.sock
ln -s root/docker.sock /run/docker.sock
""",
        undo="""\
mv /run/root/docker.sock /run/docker.sock
chown root:docker /run/docker.sock
rm -r /run/user/1000 /run/root
""",
        target={"docker_host": "unix:///run/user/1000/docker.sock"},
    ),
    Flavour(
        "rootless",
        "the project runs in deploy's rootless Docker (needs Debian's archive)",
        """\
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends rootlesskit slirp4netns uidmap >/dev/null
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod -m 666 /dev/net/tun c 10 200
install -d -o deploy -g deploy -m 700 /run/user/1000 /var/lib/docker/rootless
chmod o+x /var/lib/docker
images=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -v haproxy)
as_deploy docker compose -f "$file" down
as_deploy env XDG_RUNTIME_DIR=/run/user/1000 PATH="/usr/sbin:/sbin:$PATH" \
  setsid sh /usr/share/docker.io/contrib/dockerd-rootless.sh \
  --storage-driver=overlay2 --data-root=/var/lib/docker/rootless >/run/user/1000/log 2>&1 &
export DOCKER_HOST=unix:///run/user/1000/docker.sock
timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.2; done'
# shellcheck disable=SC2086 # one name a line
docker --host unix:///run/docker.sock save $images | docker load --quiet >/dev/null
up
""",
        undo="""\
pkill -KILL -u deploy || :
for path in /run/user/1000 /var/lib/docker/rootless; do
  timeout 20 sh -c 'until rm -rf "$1" 2>/dev/null; do sleep 0.5; done' sh "$path"
done
chmod o-x /var/lib/docker
""",
        target={"docker_host": "unix:///run/user/1000/docker.sock"},
    ),
    Flavour(
        "old-docker",
        "Docker Engine 20.10 of Debian 12, with a newer Compose (needs Debian's archive)",
        _OLD_ENGINE
        + f"""\
old=/usr/local/lib/lab/docker-20.10
mkdir -p "$old/sources" "$old/lists/partial" "$old/archives/partial"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ ! -s "$list" ] || sed 's/trixie/bookworm/g' "$list" >"$old/sources/$(basename "$list")"
done
bookworm() {{
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$old/sources" \\
    -o "Dir::State::Lists=$old/lists" -o "Dir::Cache=$old/archives" -o APT::Sandbox::User=root "$@"
}}
bookworm update
(cd "$old" && bookworm download docker.io=20.10* containerd/bookworm runc/bookworm \\
  libdevmapper1.02.1/bookworm && for package in *.deb; do dpkg -x "$package" .; done)
put_old() {{
  for path in $programs; do
    mkdir -p "{_HIDDEN}/$(dirname "$path")"
    [ ! -e "/$path" ] || mv "/$path" "{_HIDDEN}/$path"
    cp "$old/$path" "/$path"
  done
  find "$old" -name 'libdevmapper.so*' -exec cp {{}} /usr/local/lib/ \\;
  ldconfig
}}
edit -e '/start_interval/d'
restart_docker put_old
up
""",
        undo=_OLD_ENGINE + "restart_docker put_new\n",
    ),
    Flavour(
        "small-tmp",
        "there is room for 1 MB in /tmp",
        _TMP.format(options="size=1m,mode=1777"),
        undo="umount /tmp",
    ),
    Flavour(
        "full-tmp",
        "there is no room in /tmp",
        _TMP.format(options="size=1m,mode=1777") + "cat /dev/zero >/tmp/filler 2>/dev/null || :\n",
        undo="umount /tmp",
    ),
    Flavour(
        "read-only-tmp",
        "the file system of /tmp is read-only",
        _TMP.format(options="ro,size=1m"),
        undo="umount /tmp",
    ),
    Flavour(
        "noexec-tmp",
        "nothing in /tmp can be executed",
        _TMP.format(options="noexec,size=64m,mode=1777"),
        undo="umount /tmp",
    ),
    Flavour(
        "compose-v1",
        "`docker compose` is not there, only docker-compose 1.29",
        f"""\
mkdir -p {_HIDDEN}
mv /usr/libexec/docker/cli-plugins/docker-compose {_HIDDEN}/plugin
mv /usr/bin/docker-compose {_HIDDEN}/command 2>/dev/null || :
cat > /usr/bin/docker-compose <<'SH'
#!/bin/sh
echo 'docker-compose version 1.29.2, build unknown'
SH
chmod 755 /usr/bin/docker-compose
""",
        undo=f"""\
rm -f /usr/bin/docker-compose
mv {_HIDDEN}/plugin /usr/libexec/docker/cli-plugins/docker-compose
mv {_HIDDEN}/command /usr/bin/docker-compose 2>/dev/null || :
""",
    ),
    Flavour(
        "podman",
        "`docker` is Podman's emulation",
        """\
cat > /usr/local/bin/docker <<'SH'
#!/bin/sh
echo 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.' >&2
case $1 in
  --version | version) echo 'podman version 5.4.2' ;;
  *) exec /usr/bin/docker "$@" ;;
esac
SH
chmod 755 /usr/local/bin/docker
""",
        undo="rm -f /usr/local/bin/docker",
    ),
    Flavour(
        "swarm",
        "the API is a service of Docker Swarm",
        """\
as_deploy docker compose -f "$file" rm --stop --force api
docker swarm init --advertise-addr 127.0.0.1 >/dev/null
docker service create --quiet --detach --name techno-os_api "$first" sleep 1d >/dev/null
timeout 60 sh -c 'until docker ps -q --filter name=_api[.] | grep -q .; do sleep 0.2; done'
""",
    ),
    Flavour(
        "read-only-docker-root",
        "Docker can't write its own data",
        "mount --bind /var/lib/docker /var/lib/docker\nmount -o remount,bind,ro /var/lib/docker\n",
        undo="umount --lazy /var/lib/docker",
    ),
)  # fmt: skip


def named(name: str) -> Flavour:
    """The flavour of that name. Raises UsageError, with the names there are."""
    for flavour in FLAVOURS:
        if flavour.name == name:
            return flavour
    raise UsageError(
        f"There is no flavour {name!r}.",
        next_step=f"Choose from: {', '.join(flavour.name for flavour in FLAVOURS)}",
    )


def over(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with a flavour's changes over them: mappings merged, None taken out."""
    merged = dict(settings)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = over(merged[key], value)
        else:
            merged[key] = value
    return merged
