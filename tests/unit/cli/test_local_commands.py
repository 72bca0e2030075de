"""compose, docs and init: no host is asked."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from deployctl.cli.docs import TOPICS
from deployctl.config.load import load
from deployctl.errors import ExitCode

from .conftest import Run

COMPOSE = b"services:\r\n  api:\r\n    image: 'a:1' # live\r\n  db:\r\n    image: pg\r\n"


def test_set_image_prints_the_file_with_one_scalar_changed(run: Run, surroundings: Path) -> None:
    (surroundings / "c.yml").write_bytes(COMPOSE)
    done = run("compose", "set-image", "c.yml", "api", "a:2")
    assert done.code == 0
    assert done.stdout.encode() == COMPOSE.replace(b"a:1", b"a:2")
    assert (surroundings / "c.yml").read_bytes() == COMPOSE


def test_a_file_comes_from_stdin_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(COMPOSE)))
    assert "a:2" in run("compose", "set-image", "-", "api", "a:2").stdout


def test_set_image_refuses_a_service_that_is_not_there(run: Run, surroundings: Path) -> None:
    (surroundings / "c.yml").write_bytes(COMPOSE)
    done = run("compose", "set-image", "c.yml", "web", "a:2")
    assert done.code == ExitCode.REFUSED
    assert done.stdout == ""
    assert "web" in done.stderr


def test_diagnose_is_0_for_a_good_file_and_23_for_faults(run: Run, surroundings: Path) -> None:
    (surroundings / "good.yml").write_bytes(COMPOSE.replace(b"\r", b""))
    (surroundings / "bad.yml").write_bytes(b"services:\n  api:\n    ports: ['80']\n")
    good, bad = run("compose", "diagnose", "good.yml"), run("compose", "diagnose", "bad.yml")
    assert (good.code, bad.code) == (0, 23)
    first, second = good.stdout.splitlines()
    assert first == "good.yml: no faults found."
    assert "Compose itself was not asked" in second
    assert "docker compose -f good.yml config --quiet" in second
    assert bad.stdout.startswith("bad.yml:3:5:")
    document = run("compose", "diagnose", "bad.yml", "--output", "json").document
    assert document["result"] == "faults"
    assert document["exitCode"] == 23
    assert document["composeAsked"] is False
    assert document["askCompose"] == "docker compose -f bad.yml config --quiet"
    assert document["faults"][0]["line"] == 3


def test_line_ends_in_cr_lf_are_told_and_are_no_fault(run: Run, surroundings: Path) -> None:
    (surroundings / "c.yml").write_bytes(COMPOSE)
    done = run("compose", "diagnose", "c.yml")
    assert done.code == 0
    assert done.stdout.startswith(
        "c.yml: no faults found.\nc.yml:1:10: note: 5 lines end in CR LF, the first here. "
    )
    document = run("compose", "diagnose", "c.yml", "-o", "json").document
    assert (document["result"], document["faults"]) == ("ok", [])
    assert [note["severity"] for note in document["notes"]] == ["note"]


def test_diagnose_looks_at_what_lies_beside_a_local_file(run: Run, surroundings: Path) -> None:
    (surroundings / "c.yml").write_bytes(
        b"services:\n  api:\n    image: a:${TAG}\n    env_file: [here.env, gone.env]\n"
        b"    user: ${WHO}\n"
    )
    (surroundings / "here.env").touch()
    (surroundings / ".env").write_text("export TAG=1\n# WHO=nobody\n")
    done = run("compose", "diagnose", "c.yml")
    assert done.code == ExitCode.REFUSED
    assert [line.split(" ", 1)[0] for line in done.stdout.splitlines()[:-1]] == [
        "c.yml:4:26:",
        "c.yml:5:11:",
    ]
    assert "gone.env of the service `api` does not exist" in done.stdout
    assert "`WHO` is not set" in done.stdout


def test_diagnose_is_told_of_a_file_here_or_a_target_there(run: Run, surroundings: Path) -> None:
    (surroundings / "c.yml").write_bytes(COMPOSE)
    assert run("compose", "diagnose", "c.yml", "--target", "x").code == ExitCode.USAGE
    assert run("compose", "diagnose").code == ExitCode.CONFIG, "no settings name a target"


@pytest.mark.parametrize("file", ["missing.yml", ".", "a\0b"])
def test_a_file_that_can_not_be_read_is_a_usage_error(run: Run, file: str) -> None:
    for command in (["set-image", file, "api", "a:2"], ["diagnose", file]):
        done = run("compose", *command)
        assert done.code == ExitCode.USAGE
        assert done.stdout == ""


def test_a_file_without_end_is_no_compose_file(run: Run) -> None:
    done = run("compose", "diagnose", "/dev/zero")
    assert done.code == ExitCode.REFUSED
    assert "larger than 4 MiB" in done.stdout


def test_render_makes_a_compose_file(run: Run) -> None:
    done = run("compose", "render", "production", "--set", "port=9000")
    assert done.code == 0
    assert yaml.safe_load(done.stdout)["services"]["api"]["ports"] == ["127.0.0.1:9000:8000"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nonsense"], "production"),
        (["production", "--set", "nonsense=1"], "nonsense"),
        (["production", "--set", "port"], "KEY=VALUE"),
        (["broken.j2"], "line 1"),
        (["missing-value.j2"], "name"),
        (["evil.j2"], "evil.j2"),
        (["sum.j2"], "sum.j2"),
        (["/etc/passwd"], "/etc/passwd"),
        (["../../etc/passwd"], "../../etc/passwd"),
        (["../compose-templates/production"], "production"),
        (["nul\0.j2"], "no template"),
        (["x" * 5000 + ".j2"], "no template"),
        ([""], "no template"),
    ],
)
def test_render_names_what_is_wrong(
    run: Run, surroundings: Path, argv: list[str], said: str
) -> None:
    (surroundings / "broken.j2").write_text("{% if %}")
    (surroundings / "missing-value.j2").write_text("{{ name }}")
    (surroundings / "sum.j2").write_text("{{ 1 + 'a' }}")
    (surroundings / "evil.j2").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    done = run("compose", "render", *argv)
    assert done.code == ExitCode.USAGE
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("topic", TOPICS)
def test_docs_have_every_topic(run: Run, topic: str) -> None:
    assert topic in run("docs").stdout
    done = run("docs", topic)
    assert done.code == 0
    assert len(done.stdout.splitlines()) > 5


def test_docs_name_the_topics_that_there_are(run: Run) -> None:
    done = run("docs", "nonsense")
    assert done.code == 2
    assert "exit-codes" in done.stderr


def test_the_schema_in_the_docs_is_json(run: Run) -> None:
    assert json.loads(run("docs", "result").stdout)["title"] == "deployctl result"


INIT = ("init", "--host", "deploy@vps.example.com:2222", "--service", "api")


def test_init_writes_settings_that_load(run: Run, surroundings: Path) -> None:
    done = run(
        *INIT, "--service", "worker", "--health", "/health", "--metrics", "/metrics",
        "--prometheus", "http://127.0.0.1:9090", "--job", "api", "--image", "techno-os-api",
        "--project", "techno-os", "--target", "vps",
    )  # fmt: skip
    assert done.code == 0
    assert done.stdout == "deployctl.yml\n"
    assert "deployctl doctor --target vps" in done.stderr
    settings = load(surroundings / "deployctl.yml", "vps", {})
    assert (settings.host.host, settings.host.user, settings.host.port) == (
        "vps.example.com",
        "deploy",
        2222,
    )
    assert settings.services == ("api", "worker")
    assert set(settings.gates) == {"health", "metrics", "prometheus"}
    assert settings.availability is not None


def test_init_with_the_least_leaves_the_rest_as_comments(run: Run, surroundings: Path) -> None:
    assert run(*INIT).code == 0
    text = (surroundings / "deployctl.yml").read_text()
    settings = load(surroundings / "deployctl.yml", None, {})
    assert settings.gates == {}
    assert settings.source.stage is None
    assert settings.host.key_env is None
    for explained in ("min_healthy", "key_env", "operators_group", "build_args", "prometheus"):
        assert explained in text


def test_init_never_overwrites_unless_forced(run: Run, surroundings: Path) -> None:
    (surroundings / "deployctl.yml").write_text("mine")
    done = run(*INIT)
    assert done.code == 2
    assert "--force" in done.stderr
    assert (surroundings / "deployctl.yml").read_text() == "mine"
    assert run(*INIT, "--force").code == 0
    assert load(surroundings / "deployctl.yml", None, {}).target == "production"


@pytest.mark.parametrize(
    "argv",
    [
        ["init"],
        ["init", "--host", "h"],
        [*INIT, "--health", "no slash"],
        [*INIT, "--service", "Not: a # name"],
        [*INIT, "--target", "a b"],
        [*INIT, "--prometheus", "http://x"],
        [*INIT, "--config", "/nowhere/deployctl.yml"],
        [*INIT, "--image", "UPPER CASE"],
    ],
)
def test_init_writes_nothing_that_would_not_load(
    run: Run, surroundings: Path, argv: list[str]
) -> None:
    done = run(*argv)
    assert done.code == ExitCode.USAGE
    assert "Next:" in done.stderr
    assert list(surroundings.iterdir()) == []
