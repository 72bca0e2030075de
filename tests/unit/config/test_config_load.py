"""deployctl.yml as the settings of one target."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from deployctl.config.faults import InvalidFileError
from deployctl.config.load import load
from deployctl.config.settings import HostSettings, Settings
from deployctl.errors import ConfigError, ExitCode

LAB = """\
version: 1
repository: /srv/repository
project: techno-os
image: techno-os-api
services: [api]
source: {path: ., dockerfile: Dockerfile}
gates:
  health: {path: /health, json: {status: ok}}
  metrics: {path: /metrics, require: [python_gc_objects_collected_total]}
  prometheus: {url: "http://127.0.0.1:9090", job: techno-os-api}
availability: {path: /health}
targets:
  lab: {host: 127.0.0.1, port: 2221, user: deploy, key_file: /k/id, known_hosts: /k/known_hosts,
        environment: lab, approval: typed}
"""

SMALL = "version: 1\nservices: [api]\ntargets:\n"


class Project:
    """A directory with a deployctl.yml."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "deployctl.yml"

    def load(
        self, text: str, target: str | None = None, env: Mapping[str, str] | None = None
    ) -> Settings:
        self.path.write_text(text)
        return load(self.path, target, env or {})

    def faults(
        self, text: str, target: str | None = None, env: Mapping[str, str] | None = None
    ) -> list[str]:
        """The faults without the file's name in front."""
        with pytest.raises(InvalidFileError) as error:
            self.load(text, target, env)
        assert error.value.code is ExitCode.CONFIG
        assert "deployctl docs settings" in error.value.next_step
        faults = [str(fault).removeprefix(f"{self.path}:") for fault in error.value.faults]
        assert all(fault in error.value.what for fault in faults)
        return faults


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class TestAWholeFile:
    def test_what_the_lab_writes(self, project: Project) -> None:
        settings = project.load(LAB)
        assert settings.target == "lab"
        assert settings.environment == "lab"
        assert settings.repository == Path("/srv/repository")
        assert settings.services == ("api",)
        assert settings.image == "techno-os-api"
        assert list(settings.gates) == ["health", "metrics", "prometheus"]
        assert [gate.type for gate in settings.gates.values()] == list(settings.gates)
        assert (settings.host.host, settings.host.port) == ("127.0.0.1", 2221)
        assert settings.host.key_file == Path("/k/id")
        assert settings.availability is not None
        assert settings.availability.interval == pytest.approx(0.025)

    def test_what_is_left_out_has_a_safe_default(self, project: Project) -> None:
        settings = project.load(SMALL + "  production: {host: vps}\n")
        assert settings.repository == project.path.parent
        assert settings.environment == "production"
        assert settings.approval.how == "typed"
        assert settings.availability is None
        assert settings.rollout.min_healthy == 10
        assert settings.rollout.deadline == 120
        assert settings.host.known_hosts is None
        assert settings.host.user is None

    def test_settings_are_frozen(self, project: Project) -> None:
        settings = project.load(LAB)
        with pytest.raises(ValidationError, match="frozen"):
            settings.target = "other"

    def test_relative_paths_start_at_the_file_not_at_the_working_directory(
        self, project: Project
    ) -> None:
        text = SMALL + "  a: {host: vps, key_file: keys/id, repository: ../code}\n"
        settings = project.load(text)
        assert settings.host.key_file == project.path.parent / "keys/id"
        assert settings.repository == project.path.parent / "../code"


class TestTargets:
    def test_a_target_inherits_and_overrides_every_section(self, project: Project) -> None:
        text = """\
version: 1
services: [api]
user: deploy
state_dir: /srv/state
rollout: {min_healthy: 20s, deadline: 5m}
gates:
  health: {path: /health, timeout: 1s}
  metrics: {}
targets:
  staging:
    host: staging
    services: [api, worker]
    rollout: {deadline: 1m}
    gates: {health: {timeout: 3s}, metrics: null, web: {type: tcp}}
    state_dir: null
  production: {host: production, user: root}
"""
        staging = project.load(text, "staging")
        assert staging.services == ("api", "worker")
        assert (staging.rollout.min_healthy, staging.rollout.deadline) == (20, 60)
        assert list(staging.gates) == ["health", "web"]
        assert staging.gates["health"].timeout == 3
        assert staging.host.user == "deploy"
        assert staging.host.state_dir is None
        production = project.load(text, "production")
        assert production.services == ("api",)
        assert list(production.gates) == ["health", "metrics"]
        assert production.host.user == "root"
        assert production.host.state_dir == "/srv/state"

    def test_the_only_target_needs_no_name(self, project: Project) -> None:
        assert project.load(SMALL + "  a: {host: vps}\n").target == "a"

    def test_of_several_the_default_is_taken(self, project: Project) -> None:
        text = "default_target: b\n" + SMALL + "  a: {host: x}\n  b: {host: y}\n"
        assert project.load(text).target == "b"
        assert project.load(text, "a").target == "a"

    def test_of_several_without_default_one_must_be_named(self, project: Project) -> None:
        with pytest.raises(ConfigError, match="several targets") as error:
            project.load(SMALL + "  a: {host: x}\n  b: {host: y}\n")
        assert "--target with one of: a, b" in error.value.next_step

    def test_an_unknown_target_is_told_with_those_there_are(self, project: Project) -> None:
        with pytest.raises(ConfigError, match="no target 'c'; its targets are: a, b"):
            project.load(SMALL + "  a: {host: x}\n  b: {host: y}\n", "c")

    def test_faults_of_every_target_are_told_whichever_is_chosen(self, project: Project) -> None:
        text = SMALL + "  a: {host: x}\n  b: {host: y, port: 0}\n"
        assert project.faults(text, "a") == [
            "5:22: targets.b.port: expected a whole number from 1 to 65535, found 0"
        ]

    def test_a_shared_fault_is_told_once(self, project: Project) -> None:
        text = "image: X\n" + SMALL + "  a: {host: x}\n  b: {host: y}\n"
        assert len(project.faults(text)) == 1

    @pytest.mark.parametrize(
        ("host", "said"),
        [
            ("{host: root@vps}", ("vps", "root", None)),
            ("{host: 'root@vps:2222'}", ("vps", "root", 2222)),
            ("{host: 'vps:2222', port: 2222}", ("vps", None, 2222)),
            ("{host: '[::1]:22', user: x}", ("::1", "x", 22)),
            ("{host: alias}", ("alias", None, None)),
        ],
    )
    def test_the_host_may_name_user_and_port(
        self, project: Project, host: str, said: tuple[object, ...]
    ) -> None:
        found = project.load(f"{SMALL}  a: {host}\n").host
        assert (found.host, found.user, found.port) == said

    def test_a_host_that_contradicts_its_user_or_port_is_a_fault(self, project: Project) -> None:
        text = SMALL + "  a: {host: root@vps, user: deploy}\n  b: {host: 'vps:1', port: 2}\n"
        assert project.faults(text) == [
            "4:13: targets.a.host: expected the same user and port as in `user:` and `port:`",
            "5:13: targets.b.host: expected the same user and port as in `user:` and `port:`",
        ]


class TestEnvironment:
    TEXT = SMALL + '  ci: {host: "${HOST}", port: "${PORT:-22}", key_env: KEY}\n'

    def test_values_come_from_the_environment(self, project: Project) -> None:
        settings = project.load(self.TEXT, env={"HOST": "vps", "PORT": "2222", "KEY": "text"})
        assert (settings.host.host, settings.host.port) == ("vps", 2222)
        assert settings.host.key_env == "KEY"

    def test_an_unset_variable_is_a_fault_with_its_place(self, project: Project) -> None:
        faults = project.faults(self.TEXT, env={"KEY": "text"})
        assert faults == [
            (
                "4:14: targets.ci.host: the environment variable HOST is not set; "
                "set it, or write ${HOST:-default}"
            )
        ]

    def test_the_variable_of_the_private_key_must_be_set(self, project: Project) -> None:
        faults = project.faults(self.TEXT, env={"HOST": "vps", "KEY": " "})
        assert faults == [
            (
                "4:55: targets.ci.key_env: the environment variable KEY is not set; it must hold "
                "the private key's text"
            )
        ]

    def test_a_key_file_stands_in_for_an_unset_key_variable(self, project: Project) -> None:
        text = SMALL + "  a: {host: vps, key_env: KEY, key_file: /k}\n"
        assert project.load(text).host.key_file == Path("/k")

    def test_variables_that_only_another_target_needs_may_be_unset(self, project: Project) -> None:
        text = self.TEXT + "  lab: {host: 127.0.0.1}\n"
        assert project.load(text, "lab").target == "lab"

    def test_a_value_from_the_environment_is_never_shown(self, project: Project) -> None:
        text = SMALL + '  a: {host: vps, host_key: "${PIN}", docker: "${DOCKER}"}\n'
        secret = {"PIN": "top secret", "DOCKER": "also;secret"}
        faults = "\n".join(project.faults(text, env=secret))
        assert "secret" not in faults
        assert "found '${PIN}'" in faults

    def test_a_value_can_not_add_settings(self, project: Project) -> None:
        text = SMALL + '  a: {host: vps, environment: "${NAME}"}\n'
        settings = project.load(text, env={"NAME": "x}, approval: none, y: {"})
        assert settings.environment == "x}, approval: none, y: {"
        assert settings.approval.how == "typed"


class TestFaults:
    def test_all_are_told_at_once_in_the_order_of_the_file(self, project: Project) -> None:
        text = """\
version: 2
image: techno-os-api:latest
services: []
source: {path: ../x, dockerfil: D, build_args: {A: 1.10, 9x: a}}
gates:
  health: {status: many, timeout: 0}
  Foo: {type: tcp}
  bar: {}
  baz: {type: tpc}
  error-rate: {type: query, url: "http://p", query: up, tresh: 1}
availability: {path: health, interval: 1ms}
rolout: {}
approval: maybe
forbid: advisory
targets:
  a: {host: "deploy@vps:22x", port: yes, host_key: 1, gates: {metrics: null}}
  -b: {host: x}
  c: vps
"""
        expected = [
            ("1:10", "version: expected 1, the only version that this deployctl reads"),
            ("2:8", "image: expected an image name without a tag or digest"),
            ("3:11", "services: expected at least one item"),
            ("4:16", "source.path: expected a relative path inside the repository, without .."),
            ("4:22", "source.dockerfil: unknown key; did you mean dockerfile?"),
            ("4:52", "source.build_args.A: expected text in quotes, found a number"),
            ("4:58", "source.build_args.9x: expected the name of an environment variable"),
            ("6:20", "gates.health.status: expected a whole number, found 'many'"),
            ("6:35", "gates.health.timeout: expected a duration longer than zero, found 0"),
            ("7:3", "gates.Foo: expected a gate's name"),
            ("8:8", "gates.bar: `type` is missing, and the name is not that of a type"),
            ("9:8", "gates.baz: expected one of 'container', 'health'"),
            ("10:57", "gates.error-rate.tresh: unknown key; expected one of"),
            ("11:22", "availability.path: expected a path that begins with /"),
            ("11:40", "availability.interval: expected an interval from 5ms to 60s, found '1ms'"),
            ("12:1", "rolout: unknown key; did you mean rollout?"),
            ("13:11", "approval: expected 'none', 'typed' or 'signed', found 'maybe'"),
            ("14:9", "forbid: expected a list, such as [one, two], found text"),
            ("16:13", "targets.a.host: expected a port from 1 to 65535 after the host"),
            ("16:37", "targets.a.port: expected a whole number, found 'yes'"),
            ("16:52", "targets.a.host_key: expected text in quotes, found a number"),
            ("16:72", "targets.a.gates.metrics: null removes a gate that all targets share"),
            ("17:3", "targets.-b: expected a target's name"),
            ("18:6", "targets.c: expected a mapping such as {host: vps.example.com}"),
        ]
        found = project.faults(text)
        for (place, said), fault in zip(expected, found, strict=True):
            assert fault.startswith(f"{place}: {said}")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("- a\n", "1:1: expected a mapping with `version` and `targets`"),
            ("just text\n", "1:1: expected a mapping with `version` and `targets`"),
            ("null\n", "1:1: expected a mapping with `version` and `targets`"),
            ("services: [a]\ntargets: {a: {host: x}}\n", "1:1: version: missing; expected 1"),
            ("version: '1'\nservices: [a]\ntargets: {a: {host: x}}\n", "1:10: version: expected 1"),
            (
                "version: true\nservices: [a]\ntargets: {a: {host: x}}\n",
                "1:10: version: expected 1",
            ),
            ("version: [1]\nservices: [a]\ntargets: {a: {host: x}}\n", "1:10: version: expected 1"),
            ("version: 1\n", "1:1: targets: expected at least one target"),
            ("version: 1\ntargets: {}\n", "2:10: targets: expected at least one target"),
            ("version: 1\ntargets: [a]\n", "2:10: targets: expected at least one target"),
            (
                "version: 1\ntargets: {a: {host: x}}\n",
                "1:1: services: missing; it is required here",
            ),
            (SMALL + "  a: {user: x}\n", "4:6: targets.a.host: missing; it is required here"),
            (
                SMALL + "  a: {host: x, prot: 1}\n",
                "targets.a.prot: unknown key; did you mean port?",
            ),
            (SMALL + "  a: {host: x, targets: {}}\n", "targets.a.targets: unknown key"),
            ("default_target: x\n" + SMALL + "  a: {host: x}\n", "default_target: unknown target"),
            ("services: api\nversion: 1\ntargets: {a: {host: x}}\n", "services: expected a list"),
            ("services: [a, a]\nversion: 1\ntargets: {a: {host: x}}\n", "expected each item once"),
            (
                "services: [a, 1]\nversion: 1\ntargets: {a: {host: x}}\n",
                "services[1]: expected text",
            ),
            (
                "gates: {health: }\n" + SMALL + "  a: {host: x}\n",
                "gates.health: expected a mapping",
            ),
            (
                "rollout: {min_healthy: 3m}\n" + SMALL + "  a: {host: x}\n",
                "expected a deadline longer",
            ),
            (
                "gates: {container: {}, other: {type: container}}\n" + SMALL + "  a: {host: x}\n",
                "one container gate a service; container and other are both about every service",
            ),
            (
                "gates: {one: &x {type: container, service: db}, two: *x}\n"
                + SMALL
                + "  a: {host: x}\n",
                "one and two are both about the service db",
            ),
            (
                "source: {secrets: {t: {}}}\n" + SMALL + "  a: {host: x}\n",
                "source.secrets.t: expected exactly one of env and file",
            ),
        ],
    )
    def test_each_says_where_it_is_and_what_was_expected(
        self, project: Project, text: str, said: str
    ) -> None:
        [fault] = project.faults(text)
        assert said in fault

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("repository: []", "repository: expected a path on this machine"),
            (
                "repository: 5",
                "repository: expected a path on this machine, found a number",
            ),
            (
                "source: {secrets: {X: {file: 5}}}",
                "source.secrets.X.file: expected a path on this machine, found a number",
            ),
            ("compose: {files: []}", "compose.files: expected at least one item"),
            (
                "compose: {files: [5]}",
                "compose.files[0]: expected text in quotes, found a number",
            ),
            (
                "gates: {prometheus: {url: 'http://p', job: ''}}",
                "gates.prometheus.job: expected text that is not empty",
            ),
            (
                "gates: {c: {type: command, run: ''}}",
                "gates.c.run: expected text that is not empty",
            ),
            (
                "gates: {prometheus: {url: 'http://p', job: j, revision_label: a-b}}",
                (
                    "gates.prometheus.revision_label: expected a label's name: letters, digits "
                    "and _, not beginning with a digit"
                ),
            ),
            (
                "gates: {h: {type: http, status: []}}",
                "gates.h.status: expected a whole number or at least one item",
            ),
            (
                "gates: {h: {type: http, status: {}}}",
                "gates.h.status: expected a whole number or a list, such as [one, two]",
            ),
        ],
    )
    def test_none_is_told_in_the_words_of_the_validator(
        self, project: Project, text: str, said: str
    ) -> None:
        [fault] = project.faults(f"{text}\n{SMALL}  a: {{host: x}}\n")
        assert fault.split(": ", 1)[1] == said

    def test_what_may_be_a_secret_is_not_repeated(self, project: Project) -> None:
        text = """\
gates:
  a: {type: query, query: up, min: 1, url: "http://user:hunter2@prometheus/"}
  b: {type: http, bearer_env: "hunter2 is a token"}
  c: {type: http, headers: {Authorization: "Bearer hunter2"}}
"""
        faults = project.faults(text + SMALL + "  a: {host: x}\n")
        assert len(faults) == 3
        assert "hunter2" not in "".join(faults)

    @pytest.mark.parametrize(
        "text",
        [
            'gates: {health: {headers: "Authorization: Bearer hunter2"}}',
            "gates: {health: {headers: {X-Token: [hunter2]}}}",
            'gates: {health: {url: "http://deploy:hunter2/health"}}',
            'gates: {health: {url: "http://[hunter2]/health"}}',
            'gates: {http: {matches: "(?P=hunter2)"}}',
            'gates: {http: {body: "${hunter2-x}"}}',
            "source: {build_args: TOKEN=hunter2}",
            "source: {build_args: {PIN: 4711}}",
            "source: {secrets: {tok: hunter2}}",
            "image: hunter2:hunter2",
            'approval: "hunter2"',
            "rollout: {deadline: hunter2}",
            "services: hunter2",
        ],
    )
    def test_a_secret_in_a_place_that_takes_something_else_is_not_repeated(
        self, project: Project, text: str
    ) -> None:
        small = SMALL if "services" not in text else "version: 1\ntargets:\n"
        faults = project.faults(f"{text}\n{small}  a: {{host: x}}\n")
        assert faults
        assert "hunter2" not in "".join(faults)
        assert "4711" not in "".join(faults)

    @pytest.mark.parametrize("pattern", ["(" * 50_000, "a{99999999999}", "(?P<a>x)(?P<a>y)"])
    def test_a_pattern_that_can_not_be_compiled_is_a_fault(
        self, project: Project, pattern: str
    ) -> None:
        gate = f"gates: {{c: {{type: command, run: x, matches: '{pattern}'}}}}\n"
        [fault] = project.faults(gate + SMALL + "  a: {host: x}\n")
        assert "gates.c.matches: expected a regular expression" in fault

    def test_control_characters_of_a_key_never_reach_the_terminal(self, project: Project) -> None:
        faults = project.faults('"\\e[2J": 1\n' + SMALL + "  a: {host: x}\n")
        assert all(fault.isprintable() for fault in faults)

    def test_keys_that_begin_with_x_are_the_users_own(self, project: Project) -> None:
        text = "x-host: &host {user: deploy}\n" + SMALL + "  a: {<<: *host, host: vps, x-y: 1}\n"
        assert project.load(text).host.user == "deploy"

    @pytest.mark.parametrize("make", ["absent", "directory"])
    def test_a_file_that_is_none_is_told(self, project: Project, make: str) -> None:
        if make == "directory":
            project.path.mkdir()
        with pytest.raises(ConfigError) as error:
            load(project.path, None, {})
        assert str(project.path) in error.value.what
        assert error.value.next_step

    def test_a_long_list_is_cut(self, project: Project) -> None:
        keys = "".join(f"key{n}: 1\n" for n in range(80))
        self_told = project.load
        with pytest.raises(InvalidFileError, match="and 30 more"):
            self_told(keys + SMALL + "  a: {host: x}\n")


def test_host_settings_can_be_made_without_a_file() -> None:
    assert HostSettings(host="deploy@vps:22").user == "deploy"
