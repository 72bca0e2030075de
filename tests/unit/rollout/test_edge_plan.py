"""`deployctl edge plan`, from what the host said to what people read."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployctl.composefile.edge import EdgeSpec, install
from deployctl.composefile.faults import UnreadableCompose
from deployctl.config.edge import EdgeSettings
from deployctl.config.settings import Settings
from deployctl.errors import ConfigError, UsageError
from deployctl.rollout.edge_configuration import configuration
from deployctl.rollout.edge_plan import _service, edge_plan, planned
from deployctl.ui.edge import edge_plan_text
from tests.unit.engines.support import FILE, source, survey

REPORT = (Path(__file__).parents[2] / "data/stacks/report.yml").read_bytes()


def settings(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "target": "lab",
        "host": {"host": "h"},
        "services": ("api",),
        "gates": {"health": {"type": "health"}},
    }
    return Settings.model_validate({**given, **changes})


def configured(**edge: Any) -> str:
    facts = survey(files=(source(REPORT),))
    return planned(settings(edge=edge), "api", facts).configuration


def test_it_shows_the_difference_the_configuration_and_what_else_changes() -> None:
    found = planned(settings(), "api", survey(files=(source(REPORT),)))
    assert (found.result, found.exit_code) == ("possible", 0)
    text = "\n".join(edge_plan_text(found))
    assert "+  api-green:" in text
    assert "/edge/api/haproxy.cfg:" in text
    assert "server api-blue 172.30.77.11:8000\n" in text
    assert "server api-green 172.30.77.12:8000 backup" in text
    assert "needs room for the connections of both" in text
    assert "Nothing was changed" in text


def test_it_says_every_reason_against_it_with_its_place() -> None:
    found = planned(settings(), "postgres", survey(files=(source(REPORT),)))
    assert (found.result, found.exit_code, found.diff) == ("refused", 23, "")
    *reasons, last = edge_plan_text(found)
    assert [line.startswith(f"{FILE}:") for line in reasons] == [True, True]
    assert "can't be put behind an edge" in last


def test_it_says_which_colour_is_live_where_there_is_one() -> None:
    spec = EdgeSpec("haproxy:2.8.10", "/opt/edge", EdgeSettings().subnet)
    facts = survey(files=(source(install(REPORT, "api", spec)),))
    found = planned(settings(), "api", facts)
    assert (found.result, found.live) == ("installed", "blue")
    assert edge_plan_text(found) == [f"api has an edge already: blue is live, as {FILE} has it."]


def test_a_service_in_several_files_is_refused() -> None:
    other = source(b"services: {api: {restart: always}}\n", "/opt/override.yml")
    with pytest.raises(UnreadableCompose, match=r"in /opt/override\.yml, too"):
        planned(settings(), "api", survey(files=(source(REPORT), other)))


def test_of_several_services_one_is_named() -> None:
    with pytest.raises(ConfigError, match="several services: api, worker"):
        _service(settings(services=("api", "worker")))
    named = settings(services=("api", "worker"), edge={"service": "worker"})
    assert _service(named) == "worker"


@pytest.mark.parametrize(
    ("gates", "edge"),
    [
        ({"health": {"type": "health"}}, {}),
        ({}, {"drain": "5m"}),
        ({}, {"modes": {"8000": "tcp"}}),
    ],
)
def test_haproxy_takes_the_configuration_without_a_warning(
    gates: dict[str, Any], edge: dict[str, Any], tmp_path: Path
) -> None:
    facts = survey(files=(source(REPORT),))
    file = tmp_path / "haproxy.cfg"
    file.write_text(planned(settings(gates=gates, edge=edge), "api", facts).configuration)
    words = ["/usr/sbin/haproxy", "-c", "-f", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


def test_the_edge_asks_where_the_health_gate_asks() -> None:
    assert "option httpchk GET /health\n" in configured()
    spec = EdgeSpec("haproxy:2.8.10", "/opt/edge", EdgeSettings().subnet)
    without = configuration(settings(gates={}), "api", spec, (8000,), "green")
    assert "httpchk" not in without
    assert "server api-blue 172.30.77.11:8000 backup\n" in without


def test_nothing_but_the_edge_itself_reaches_its_counters() -> None:
    assert "stats socket ipv4@127.0.0.1:9999 level user\n" in configured()
    assert configured().count("bind ") == configured().count("bind :8000\n") + 1
    assert "bind 127.0.0.1:9998\n" in configured()


def test_a_template_of_ones_own_extends_it(tmp_path: Path) -> None:
    own = tmp_path / "mine.j2"
    own.write_text("# of {{ service }}, {{ drain }} s\n")
    assert configured(template=str(own), drain="2m") == "# of api, 120 s\n"


@pytest.mark.parametrize(
    "text", ["{{ nothing }}", "{% if %}", "{{ 1 / 0 }}", "{{ ''.__class__.mro() }}"]
)
def test_a_template_that_cannot_be_rendered_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "mine.j2"
    own.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.j2"):
        configured(template=str(own))
    with pytest.raises(UsageError, match="can't be read"):
        configured(template=str(tmp_path / "none.j2"))


@pytest.mark.parametrize(
    "edge",
    [
        {"image": "haproxy"},
        {"image": "haproxy:latest"},
        {"subnet": "172.30.77.0/29"},
        {"subnet": "8.8.8.0/24"},
        {"modes": {"8000": "udp"}},
        {"nothing": 1},
    ],
)
def test_what_is_no_setting_of_an_edge_is_refused(edge: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="edge"):
        settings(edge=edge)


def test_the_command_asks_the_host_and_closes_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Link:
        host = None

        def __init__(self, *_: object) -> None:
            pass

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr("deployctl.rollout.edge_plan.Link", Link)
    monkeypatch.setattr(
        "deployctl.rollout.edge_plan.survey.take", lambda *_, **__: survey(files=(source(REPORT),))
    )
    assert edge_plan(settings()).result == "possible"
    assert closed == [True]
