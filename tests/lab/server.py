"""The host as a person with root's hands sees it, beside and without deployctl."""

import json
import time
from dataclasses import dataclass, replace
from typing import Any

from deployctl.lab.machine import COMPOSE_DIR, COMPOSE_FILE, ENV_FILE, Host

API = "techno-os-api"
DATABASE = "techno-os-db"
STATE = f"{COMPOSE_DIR}/.deployctl"
"""deploy may not make /var/lib/deployctl, so the state lies beside the Compose file."""
ORDERS = 3
LOCK_SECONDS = 2

_LOOK = f"""
echo "file $(sha256sum < {COMPOSE_FILE} | cut -d' ' -f1) $(stat -c '%a %U %G' {COMPOSE_FILE})"
echo "listing $(ls -A {COMPOSE_DIR} | grep -v '^.deployctl$' | sort | tr '\\n' ' ')"
for name in {API} {DATABASE}; do
  echo "$name $(docker inspect --type container "$name" 2>/dev/null --format \
    '{{{{.Id}}}} {{{{.State.StartedAt}}}} {{{{.State.Status}}}} {{{{.Image}}}}')"
done
echo "names $(docker ps -a --format '{{{{.Names}}}}' | grep -v '^deployctl-pin[.]' | sort |
  tr '\\n' ' ')"
echo "orders $(docker exec {DATABASE} psql -tA -U techno_user -d techno \
  -c 'SELECT count(*) FROM orders' 2>/dev/null)"
echo "env $(sha256sum < {ENV_FILE} | cut -d' ' -f1)"
"""  # noqa: S608 - no SQL of anybody's

_TRACES = f"""
docker ps -a --no-trunc --format '{{{{.ID}}}} {{{{.State}}}}'
docker inspect --format '{{{{.State.StartedAt}}}}' {API} {DATABASE}
docker image ls --no-trunc --format '{{{{.ID}}}} {{{{.Repository}}}}:{{{{.Tag}}}}' | sort
docker volume ls -q; docker network ls -q
find /opt/techno-os /etc/prometheus /home /tmp /var/lib/deployctl -path {STATE} -prune \
  -o -type f -printf '%p %m %u %g %s %T@\n' -o -printf '%p %m %u %g\n' 2>/dev/null | sort
docker exec {DATABASE} psql -tA -U techno_user -d techno -c 'SELECT count(*) FROM orders'
ps -eo user:12,comm | grep -E '^(deploy|sudoer|minimal|nodocker) ' | sort
pgrep -x prometheus; iptables -S
"""  # noqa: S608


@dataclass(frozen=True)
class Before:
    """What a failed hotfix must leave as it was."""

    file: str
    """digest, mode, owner and group of the Compose file"""
    listing: str
    """what lies beside it"""
    names: str
    """all containers"""
    database: str
    """ID, start, status and image of Postgres"""
    orders: int
    env: str
    container: str
    """ID and start of the API's container"""
    status: str
    image: str

    @property
    def outcome(self) -> "Before":
        """All but the container's own identity, which a rollback can't bring back."""
        return replace(self, container="")


class Server:
    def __init__(self, host: Host) -> None:
        self.host = host
        self._fresh = ""

    def sh(self, script: str, *, user: str = "root") -> str:
        return self.host.sh(script, user=user)

    def refresh(self) -> None:
        """Resets the host, unless only deployctl's own state is new since it was last reset."""
        if self.host.running():
            self.host.unbecome()
        if self._fresh and self._fresh == self._traces():
            self.sh(f"rm -rf {STATE}")
            return
        self.host.reset()
        self.sh(
            f"for _ in $(seq {ORDERS}); do curl -sf -X POST -H 'content-type: application/json'"
            ' -d \'{"item": "tea"}\' http://127.0.0.1:8000/orders; done'
        )
        self._fresh = self._traces()

    def adopt(self) -> None:
        """What is there now belongs to the host, until `disown`: `refresh` leaves it."""
        self._fresh = self._traces()

    def disown(self) -> None:
        self._fresh = ""

    def _traces(self) -> str:
        done = self.host.exec(["sh", "-c", _TRACES])
        return done.stdout.decode("utf-8", "replace")

    def look(self) -> Before:
        found = dict(
            line.partition(" ")[::2] for line in self.sh(_LOOK).splitlines() if " " in line
        )
        container, started, status, image = [*found[API].split(), "", "", "", ""][:4]
        return Before(
            file=found["file"],
            listing=found["listing"],
            names=found["names"],
            database=found[DATABASE],
            orders=int(found["orders"] or -1),
            env=found["env"],
            container=f"{container} {started}",
            status=status,
            image=image,
        )

    # -- what runs -----------------------------------------------------------------------------

    def compose_text(self) -> str:
        return self.sh(f"cat {COMPOSE_FILE}")

    def edit_compose(self, script: str) -> None:
        """Applies a sed script to the Compose file as somebody with an editor would."""
        self.sh(f"sed -i {_quote(script)} {COMPOSE_FILE}", user="deploy")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of the API, asked on the host itself."""
        answer = self.sh(f"curl -s -m 5 -w '\\n%{{http_code}}' http://127.0.0.1:8000{path} || true")
        body, _, code = answer.rpartition("\n")
        return int(code), body

    def image_of(self, reference: str) -> str:
        done = self.host.exec(["docker", "image", "inspect", "--format", "{{.Id}}", reference])
        return done.stdout.decode().strip()

    def scraped(self) -> str:
        """The health of the API's target as its Prometheus tells it."""
        answer = json.loads(self.sh("curl -s http://127.0.0.1:9090/api/v1/targets"))
        targets: list[dict[str, Any]] = answer["data"]["activeTargets"]
        return str(targets[0]["health"]) if targets else "none"

    def jobs(self) -> str:
        """Processes of deployctl's own that are still there."""
        return self.sh("pgrep -af '/runs/[^ ]*/job[.]sh' || true")

    def lock_is_free(self) -> bool:
        script = f"! [ -e {STATE}/lock ] || flock -n {STATE}/lock true"
        return self.host.exec(["sh", "-c", script]).returncode == 0

    def lock_gets_free(self) -> bool:
        """Whether it is free, or is within the two seconds that every command waits for it."""
        until = time.monotonic() + LOCK_SECONDS
        while not (free := self.lock_is_free()) and time.monotonic() < until:
            time.sleep(0.1)
        return free

    def in_host_network(self, name: str, program: str, *, image: str = "") -> None:
        """Runs a Python program on the host's own network, beside the project."""
        reference = image or self.sh(f"docker inspect --format '{{{{.Image}}}}' {API}").strip()
        self.host.must(
            ["docker", "run", "--detach", "--name", name, "--network", "host",
             "--entrypoint", "python", "-v", "/tmp:/tmp", reference, "-u", "-c", program],
        )  # fmt: skip

    def prometheus_scrapes(self, target: str, *, job: str = API) -> None:
        """Points Prometheus at another address, or under another job, and lets it reload."""
        config = "/etc/prometheus/prometheus.yml"
        self.sh(
            f"sed -i -e 's/127.0.0.1:8000/{target}/' -e 's/job_name: .*/job_name: {job}/' {config}"
            "; pkill -HUP -x prometheus"
        )
        self.sh(
            "timeout 15 sh -c 'until curl -s http://127.0.0.1:9090/api/v1/targets"
            f' | grep -q "{job}.*{target}"; do sleep 0.1; done\''
        )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
