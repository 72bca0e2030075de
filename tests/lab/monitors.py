"""What people have around their services: more Prometheus servers, and a proxy in front."""

import json
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import yaml

from tests.certificates import Authority

from .server import API, Server

NAME = "api.techno-os.example"
OTHER_NAME = "somebody.else"
TOKEN = "tok-9f2c4e71aa"
LOGIN = "reader:pw-5b1d90c3e7"
FRONT = "http://127.0.0.1:8081"
SECURE = "https://127.0.0.1:8443"
EXPIRED = "https://127.0.0.1:8444"
ELSEWHERE = "http://10.99.0.2:9090"
SKEW = 3600

_PROGRAM = (Path(__file__).parent / "front.py").read_text()
_HOME = "/var/lib/monitors"
_SCRAPED = "127.0.0.1:8000"

Config = dict[str, object]


def _job(name: str, *targets: str, **more: object) -> Config:
    return {"job_name": name, "static_configs": [{"targets": list(targets)}], **more}


def _config(*jobs: Config) -> Config:
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}


_EVERYTHING = _config(
    _job(
        API, _SCRAPED, honor_labels=True,
        relabel_configs=[{"target_label": "instance", "replacement": "shop-api"}],
    ),
    _job("rarely", _SCRAPED, scrape_interval="60s", scrape_timeout="10s"),
    _job("dropped", _SCRAPED, relabel_configs=[{"action": "drop"}]),
    _job("too-slow", "127.0.0.1:8081", metrics_path="/slow", scrape_timeout="100ms"),
    _job("gone", "127.0.0.1:8999"),
    _job("two", _SCRAPED, "127.0.0.1:8081"),
)  # fmt: skip
_FEDERATING = _config(
    _job(
        "federate", "127.0.0.1:9090", honor_labels=True, metrics_path="/federate",
        params={"match[]": [f'{{job="{API}"}}']},
    )
)  # fmt: skip

_SECOND = f"--web.config.file={_HOME}/web.yml --storage.tsdb.path={_HOME}/second"
_AGENT = f"--storage.agent.path={_HOME}/agent"
SERVERS = {
    # name: (configuration, network namespace, options)
    "second": (
        _EVERYTHING, "",
        f"--web.listen-address=0.0.0.0:9091 --web.external-url=http://mon.example/prom/ {_SECOND}",
    ),
    "agent": (
        _config(_job(API, _SCRAPED)), "",
        f"--web.listen-address=127.0.0.1:9092 --enable-feature=agent {_AGENT}",
    ),
    "federating": (
        _FEDERATING, "",
        f"--web.listen-address=127.0.0.1:9093 --storage.tsdb.path={_HOME}/federating",
    ),
    "elsewhere": (
        _config(_job(API, "10.99.0.1:8001")), "ip netns exec monitor",
        f"--web.listen-address=10.99.0.2:9090 --storage.tsdb.path={_HOME}/elsewhere",
    ),
}  # fmt: skip

_NETWORK = """
ip netns add monitor
ip link add monitor0 type veth peer name eth0 netns monitor
ip address add 10.99.0.1/24 dev monitor0
ip link set monitor0 up
ip netns exec monitor ip address add 10.99.0.2/24 dev eth0
ip netns exec monitor ip link set eth0 up
ip netns exec monitor ip link set lo up
"""


@dataclass
class Monitors:
    """Beside the host's own Prometheus: four more, one on a machine of its own, and a proxy.

    The proxy is a container, so a reset of the host removes it; the servers outlive a reset.
    """

    server: Server
    authority: Authority
    stranger: Authority

    def up(self) -> None:
        host = self.server.host
        host.sh(f"mkdir -p {_HOME}; ln -sf /usr/bin/prometheus {_HOME}/monitor; {_NETWORK}")
        user, _, password = LOGIN.partition(":")
        secret = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        self._write("web.yml", yaml.safe_dump({"basic_auth_users": {user: secret}}))
        for name, (config, where, options) in SERVERS.items():
            self._write(f"{name}.yml", json.dumps(config))
            host.sh(
                f"setsid {where} {_HOME}/monitor --config.file={_HOME}/{name}.yml {options}"
                f" > {_HOME}/{name}.log 2>&1 < /dev/null &"
            )

    def down(self) -> None:
        self.server.sh(
            f"pkill -KILL -x monitor; rm -rf {_HOME}; ip link del monitor0; ip netns del monitor;"
            " docker rm -f front > /dev/null"
        )

    def ready(self) -> None:
        """The proxy is there, and every Prometheus has looked at its targets."""
        host = self.server.host
        if host.exec(["docker", "inspect", "front"]).returncode != 0:
            settings = {
                "certificates": [self.authority.issue(name) for name in (NAME, OTHER_NAME)],
                "expired": self.authority.issue(NAME, expired=True),
                "name": NAME, "token": TOKEN, "skew": SKEW,
            }  # fmt: skip
            self.server.in_host_network("front", f"SETTINGS = {settings!r}\n{_PROGRAM}")
        basic = b64encode(LOGIN.encode()).decode()
        for url in (
            f"{FRONT}/skewed", "http://127.0.0.1:9091/prom", "http://127.0.0.1:9092",
            "http://127.0.0.1:9093", ELSEWHERE,
        ):  # fmt: skip
            host.sh(
                f'timeout 60 sh -c \'until curl -s -H "Authorization: Basic {basic}"'
                f' {url}/api/v1/targets | grep -Eq "\\"health\\": ?\\"(up|down)\\""; '
                "do sleep 0.2; done'"
            )

    @property
    def from_the_client(self) -> str:
        """The second server's address as this machine reaches it."""
        words = ["docker", "inspect", "--format"]
        address = subprocess.run(
            [*words, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
             self.server.host.container],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        return f"http://{address}:9091/prom"

    def _write(self, name: str, text: str) -> None:
        self.server.host.must(
            ["sh", "-c", f"cat > {_HOME}/{name}"], stdin=text.encode(),
        )  # fmt: skip
