"""Every way in which Prometheus and the service's own endpoints stand where people really are.

One host for all: many gates are asked in one run, for what each of them says stands by itself.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployctl.lab.machine import COMPOSE_DIR, COMPOSE_FILE
from tests.cases import Case, refuses, works
from tests.certificates import Authority

from .client import Client, eventually
from .expect import assert_as_before, assert_refused, assert_rolled_back, assert_untouched
from .monitors import (
    ELSEWHERE,
    EXPIRED,
    FRONT,
    LOGIN,
    NAME,
    OTHER_NAME,
    SECURE,
    SKEW,
    TOKEN,
    Monitors,
)
from .server import API, Server

AREA = "Prometheus and endpoints"
HOTFIX = "d73cfb1"
AT_ONCE = {"min_healthy": "0s", "deadline": "30s"}
SOON = {"min_healthy": "0s", "deadline": "6s"}
ENV = {"API_TOKEN": TOKEN, "MONITOR_LOGIN": LOGIN, "STALE_TOKEN": "tok-of-last-year-41c8"}
OWN = "http://127.0.0.1:9090"

Make = Callable[..., Client]


@pytest.fixture(scope="module")
def surroundings(first_server: Server) -> Iterator[Monitors]:
    found = Monitors(first_server, Authority.create(), Authority.create("A stranger"))
    found.up()
    yield found
    found.down()
    first_server.disown()


@pytest.fixture
def monitors(surroundings: Monitors, server: Server, tmp_path: Path) -> Monitors:
    surroundings.ready()
    server.adopt()
    (tmp_path / "ca.pem").write_text(surroundings.authority.pem)
    (tmp_path / "stranger.pem").write_text(surroundings.stranger.pem)
    return surroundings


@pytest.fixture
def refusals(request: pytest.FixtureRequest) -> list[Case]:
    """All that this test is to see refused."""
    return [mark.args[0] for mark in request.node.iter_markers("case") if mark.args[0].code]


def prometheus(url: str, job: str = API, **more: object) -> dict[str, object]:
    return {"type": "prometheus", "url": url, "job": job, **more}


def secure(url: str = f"{SECURE}/health", **more: object) -> dict[str, object]:
    settings = {"ca_file": "ca.pem", "bearer_env": "API_TOKEN", "headers": {"Host": NAME}, **more}
    return {"type": "http", "url": url, **settings}


# -- what works ---------------------------------------------------------------------------------


@works(AREA, "the app behind a path prefix, with a required Host header")
@works(AREA, "TLS by an authority of one's own, the certificate chosen by the Host header")
@works(AREA, "a bearer token from the environment")
@works(AREA, "a container's own address (container:PORT)")
@works(AREA, "Prometheus on another machine, asked from the host")
@works(AREA, "Prometheus asked from the client, behind a path prefix with basic auth")
@works(AREA, "two Prometheus servers that scrape the same (HA): both must say it")
@works(AREA, "honor_labels and an instance label that relabelling has set")
@works(AREA, "Prometheus whose clock is an hour off")
def test_a_service_with_everything_around_it(
    monitors: Monitors, server: Server, make_client: Make
) -> None:
    gates = {
        "health": {"url": f"{FRONT}/techno/health", "headers": {"Host": NAME}},
        "secure": secure(),
        "inside": {"type": "http", "address": "container:8000", "path": "/health"},
        "second": prometheus(
            monitors.from_the_client, via="client", basic_env="MONITOR_LOGIN", instance="shop-api"
        ),
        "elsewhere": prometheus(ELSEWHERE),
        "skewed": prometheus(f"{FRONT}/skewed"),
    }
    client = make_client(rollout=AT_ONCE, gates=gates)
    ask = f"curl -s '{FRONT}/skewed/api/v1/query?query=time()'; date +' %s'"
    told, _, now = server.sh(ask).rpartition(" ")
    assert abs(json.loads(told)["data"]["result"][0] - int(now)) > 0.9 * SKEW

    done = client.hotfix(HOTFIX, env=ENV)

    assert done.code == 0, done.explained
    for name in ("health", "secure", "inside", "prometheus", "second", "elsewhere", "skewed"):
        assert done.gate(name)["state"] == "pass", name
    for name in ("prometheus", "elsewhere", "skewed"):
        assert "proof by process start" in done.gate(name)["observed"], name
    assert "shop-api" in done.gate("second")["observed"]


# -- what a release is rolled back for ----------------------------------------------------------


@refuses(AREA, "a token that is refused", 21, "it refuses the token in STALE_TOKEN")
@refuses(AREA, "another authority's certificate", 21, "unable to get local issuer certificate")
@refuses(AREA, "an expired certificate", 21, "TLS failed: certificate has expired")
@refuses(AREA, "a certificate for another name", 21, "TLS failed: hostname")
@refuses(AREA, "a virtual host that is not asked for by name", 21, "status 421, expected 200")
@refuses(AREA, "a target that stays down", 21, "connect: connection refused")
@refuses(AREA, "a scrape that times out", 21, "context deadline exceeded")
@refuses(
    AREA, "Prometheus that only federates the job", 21,
    "no active target matches job techno-os-api; jobs: federate",
)  # fmt: skip
@refuses(
    AREA, "two replicas in the job, one of them stale", 21,
    "Prometheus still reads a process that started",
)  # fmt: skip
@refuses(
    AREA, "more targets in the job than the service has replicas", 21,
    "2 targets match job two, expected 1",
)  # fmt: skip
def test_what_the_new_release_does_not_prove(
    monitors: Monitors, server: Server, make_client: Make, refusals: list[Case]
) -> None:
    gates = {
        "token": secure(bearer_env="STALE_TOKEN"),
        "authority": secure(ca_file="stranger.pem"),
        "expired": secure(f"{EXPIRED}/health"),
        "name": secure(headers={"Host": f"not.{OTHER_NAME}"}),
        "nameless": {"type": "http", "url": f"{FRONT}/techno/health"},
        "too-slow": prometheus("http://127.0.0.1:9091/prom", "too-slow", basic_env="MONITOR_LOGIN"),
        "gone": prometheus("http://127.0.0.1:9091/prom", "gone", basic_env="MONITOR_LOGIN"),
        "federating": prometheus("http://127.0.0.1:9093"),
        "stale": prometheus(
            "http://127.0.0.1:9091/prom", "two", basic_env="MONITOR_LOGIN", expected=2
        ),
        "two": prometheus("http://127.0.0.1:9091/prom", "two", basic_env="MONITOR_LOGIN"),
    }
    client = make_client(rollout=SOON, gates=gates)
    before = server.look()

    done = client.hotfix(HOTFIX, env=ENV)

    assert_rolled_back(done, 21)
    for name in gates:
        assert done.gate(name)["state"] == "fail", done.gate(name)
    for refusal in refusals:
        assert done.code == refusal.code
        assert refusal.sentence in done.reason, refusal.name
    told = (done.stdout + done.stderr).encode()
    for text in (told, *(data for _, data in client.written())):
        for secret in (TOKEN, ENV["STALE_TOKEN"], LOGIN.partition(":")[2]):
            assert secret.encode() not in text
    assert_as_before(server, before, client)


@refuses(AREA, "a Prometheus that is down", 24, "Prometheus: connection refused")
@refuses(
    AREA, "a proxy before Prometheus that answers 502", 24, "Prometheus is not ready (status 502)"
)
def test_a_prometheus_that_does_not_answer_proves_nothing(
    monitors: Monitors, server: Server, make_client: Make, refusals: list[Case]
) -> None:
    """Nothing failed, but nothing could be proven either: inconclusive."""
    gates = {
        "prometheus": prometheus("http://127.0.0.1:9099"),
        "behind": prometheus(f"{FRONT}/bad-gateway"),
    }
    client = make_client(rollout=SOON, gates=gates)
    before = server.look()
    done = client.hotfix(HOTFIX)
    assert_rolled_back(done, 24)
    for refusal in refusals:
        assert done.code == refusal.code
        assert refusal.sentence in done.reason
    assert_as_before(server, before, client)


# -- what is refused before the switch ----------------------------------------------------------


@refuses(AREA, "Prometheus in agent mode", 23, "runs in agent mode and can't be queried")
@refuses(AREA, "a target that relabelling drops", 23, "but its relabelling drops it")
@refuses(
    AREA, "a server that is like Prometheus, without queries", 23,
    "unsupported: there is no /api/v1/query at this address (404)",
)  # fmt: skip
@refuses(
    AREA, "a server that is like Prometheus, without targets", 23,
    "unsupported: there is no /api/v1/targets at this address (404)",
)  # fmt: skip
@refuses(
    AREA, "a login page in place of Prometheus", 23,
    "is not Prometheus's JSON, but a web page (a login?)",
)  # fmt: skip
@refuses(
    AREA, "a redirect to a login on another server", 23,
    "this is not Prometheus's API: it redirects to another server",
)  # fmt: skip
@refuses(
    AREA, "a password that Prometheus refuses", 23,
    "Prometheus answers 401: it refuses the user and password in STALE_LOGIN",
)  # fmt: skip
@refuses(
    AREA, "a token whose variable is not set", 23, "the environment variable NO_TOKEN is not set"
)
def test_what_no_release_can_mend_is_refused_before_the_switch(
    monitors: Monitors, server: Server, make_client: Make, refusals: list[Case]
) -> None:
    second = "http://127.0.0.1:9091/prom"
    gates = {
        "agent": prometheus("http://127.0.0.1:9092"),
        "dropped": prometheus(second, "dropped", basic_env="MONITOR_LOGIN"),
        "no-query": prometheus(f"{FRONT}/no-query"),
        "no-targets": prometheus(f"{FRONT}/no-targets"),
        "login-page": prometheus(f"{FRONT}/login-page"),
        "login-redirect": prometheus(f"{FRONT}/login-redirect"),
        "refused-login": prometheus(second, basic_env="STALE_LOGIN"),
        "unset": secure(bearer_env="NO_TOKEN"),
    }
    client = make_client(rollout=SOON, gates=gates)
    before = server.look()
    done = client.hotfix(HOTFIX, env={**ENV, "STALE_LOGIN": "reader:pw-of-last-year"})
    assert_refused(done, 23, "Gates that are required can't work")
    for refusal in refusals:
        assert done.code == refusal.code
        assert refusal.sentence in done.reason, refusal.name
    assert "pw-of-last-year" not in done.stdout + done.stderr
    assert_untouched(server, before)


RARELY = prometheus("http://127.0.0.1:9091/prom", "rarely", basic_env="MONITOR_LOGIN")


@refuses(
    AREA, "a deadline too short for a 60 s scrape interval", 23,
    "2 scrapes, one each 60 s, take 120 s",
)  # fmt: skip
def test_a_deadline_in_which_nothing_could_be_proven_is_refused_before_the_switch(
    monitors: Monitors, server: Server, make_client: Make, refusal: Case
) -> None:
    client = make_client(rollout={"deadline": "1m"}, gates={"rarely": RARELY})
    before = server.look()
    done = client.hotfix(HOTFIX, env=ENV)
    assert_refused(done, refusal.code, refusal.sentence, "the deadline of 60 s is too short")
    assert "145s" in done.document["nextStep"]
    assert_untouched(server, before)


@works(AREA, "a 60 s scrape interval: a deadline that isn't set follows from it")
def test_the_plan_has_a_deadline_that_follows_from_the_scrape_interval(
    monitors: Monitors, make_client: Make
) -> None:
    """Two scrapes, the 10 s that one may take, the lag of discovery, and the healthy time."""
    client = make_client(rollout=None, gates={"rarely": RARELY})
    client.environment |= ENV
    planned = client.start("plan", "--sha", HOTFIX)
    decided = planned.until("planReady")["plan"]["decisions"]
    assert planned.end().code == 0
    assert decided["minHealthyMs"] == 10_000
    assert decided["deadlineMs"] == 145_000


# -- a Prometheus that comes and goes -----------------------------------------------------------


@works(AREA, "Prometheus that is restarted while the gates look")
def test_a_prometheus_that_is_restarted_while_the_gates_look(
    server: Server, make_client: Make
) -> None:
    """It forgets what it has scraped, so the two scrapes are counted anew."""
    client = make_client(rollout={"min_healthy": "2s", "deadline": "60s"})
    run = client.start_hotfix(HOTFIX)
    run.until("gateAttempt", gate="prometheus", when="after")
    server.sh("pkill -KILL -x prometheus; sleep 1; service prometheus restart")
    done = run.end()
    assert done.code == 0, done.explained
    assert done.gate("prometheus")["state"] == "pass"


# -- how the service's port is published --------------------------------------------------------


def apply(server: Server, edit: str) -> None:
    server.edit_compose(edit)
    server.host.sh(
        f"cd {COMPOSE_DIR} && docker compose -f {COMPOSE_FILE} up -d --wait", user="deploy"
    )


@works(AREA, "a job with two targets, for two replicas of the service")
def test_two_replicas_are_each_proven(server: Server, make_client: Make) -> None:
    apply(
        server,
        "/container_name: techno-os-api/d; s/127.0.0.1:8000:8000/127.0.0.1:8000-8001:8000/;"
        " s/^    mem_limit: 256m/    scale: 2\\n&/",
    )
    server.sh(
        'sed -i \'s/"127.0.0.1:8000"/&, "127.0.0.1:8001"/\' /etc/prometheus/prometheus.yml;'
        " pkill -HUP -x prometheus"
    )
    eventually("Prometheus knows both", lambda: targets(server) == 2)
    done = make_client(rollout=AT_ONCE).hotfix(HOTFIX)
    assert done.code == 0, done.explained
    seen = done.gate("prometheus")["observed"]
    assert "127.0.0.1:8000 up" in seen
    assert "127.0.0.1:8001 up" in seen
    assert "2 of 2 replicas" in done.gate("metrics")["observed"]


def targets(server: Server) -> int:
    answer = json.loads(server.sh("curl -s http://127.0.0.1:9090/api/v1/targets?state=active"))
    return len(answer["data"]["activeTargets"])


@pytest.fixture
def ipv6(server: Server) -> Iterator[None]:
    switch = "sysctl -qw net.ipv6.conf.all.disable_ipv6={0} net.ipv6.conf.lo.disable_ipv6={0}"
    server.sh(switch.format(0))
    yield
    server.sh(switch.format(1))


@works(AREA, "a port that is published on IPv6 only")
@pytest.mark.usefixtures("ipv6")
def test_a_port_published_on_ipv6_only(server: Server, make_client: Make) -> None:
    apply(server, "s/127.0.0.1:8000:8000/[::1]:8000:8000/")
    server.prometheus_scrapes("[::1]:8000")
    done = make_client(rollout=AT_ONCE).hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert done.document["availability"]["probes"] > 0
    assert done.document["availability"]["failures"] < done.document["availability"]["probes"]
    assert "[::1]:8000" in done.gate("prometheus")["observed"]


@works(AREA, "a service that publishes no port, asked at container:PORT")
@refuses(
    AREA, "a service that publishes no port, asked where it is published", 23,
    "publishes no port: set address to container:PORT",
)  # fmt: skip
def test_a_service_that_publishes_no_port(
    server: Server, make_client: Make, refusals: list[Case]
) -> None:
    apply(server, "/^    ports:/{N;d}")
    done = make_client(rollout=AT_ONCE, gates={"prometheus": None}).hotfix(HOTFIX)
    assert_refused(done, refusals[0].code, refusals[0].sentence)

    inside = {"address": "container:8000", "path": "/metrics"}
    client = make_client(
        rollout=AT_ONCE,
        gates={
            "prometheus": None,
            "metrics": inside,
            "health": {"address": "container:8000", "path": "/health"},
        },
        availability={"address": "container:8000", "path": "/health"},
    )
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert done.gate("metrics")["state"] == "pass"
    seen = done.document["availability"]
    assert 0 < seen["failures"] < seen["probes"]
