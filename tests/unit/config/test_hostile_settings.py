"""Every setting there is, with what a shell, a terminal, a path or an option would obey.

The models are walked, so a new setting is here by itself. One that takes such text is named below,
with what it is used for: that it has no other effect is for tests/lab/test_hostile.py and the tests
of each use to show.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from deployctl.config.settings import Settings
from deployctl.rollout.playbook import Head
from deployctl.rollout.steps import PARAMS, STEPS
from tests.unit.config.test_config_example import declared_by, kinds_in

HOSTILE = {
    "shell": [
        "a;touch x", "$(touch x)", "`touch x`", "a b", "a'b", 'a"b', "a|b", "a&b", "a>b", "a*",
        "~root", "a\\b", "a#b", "{a}", "%s", "a$b",
    ],
    "control": ["a\nb", "a\rb", "a\x1b[2Jb", "\n"],
    "nul": ["a\0b"],
    "dash": ["-x", "--x=y"],
    "up": ["../x", "a/../../b", "/a/../b"],
}  # fmt: skip
ANY = frozenset(HOSTILE)
SHELL = frozenset({"shell"})
LINE = SHELL | {"up"}
TEXT = LINE | {"dash"}
CODE = ANY - {"nul"}

ACCEPTED: dict[str, frozenset[str]] = {
    # The user's own program, given to the shell as it is; no process can be given a NUL.
    "CommandGateSettings.run": CODE,
    "RunStep.command": CODE,
    "RunStep.rollback": CODE,
    # A pattern and a query are what they say, and never a part of a command.
    "CommandGateSettings.matches": ANY,
    "HttpGateSettings.matches": ANY,
    "QueryGateSettings.query": ANY,
    # Compared with an answer; or sent, as a body or encoded in a query.
    "HealthGateSettings.contains": ANY,
    "HealthGateSettings.json_subset": ANY,
    "HttpGateSettings.contains": ANY,
    "HttpGateSettings.json_subset": ANY,
    "HttpGateSettings.body": ANY,
    "HttpStep.body": ANY,
    "MetricsGateSettings.allow_lost": ANY,
    "PrometheusGateSettings.instance": ANY,
    "PrometheusGateSettings.job": ANY,
    "PrometheusGateSettings.pool": ANY,
    # Headers without line ends, addresses and paths as HTTP takes them.
    "AvailabilitySettings.headers": TEXT,
    "HttpStep.headers": TEXT,
    "_Http.headers": TEXT,
    "AvailabilitySettings.path": LINE,
    "_Endpoint.path": LINE,
    "HttpStep.url": SHELL,
    "CDEventsSettings.url": SHELL,
    "GrafanaSettings.url": SHELL,
    "WebhookSettings.url": SHELL,
    "PrometheusGateSettings.url": SHELL,
    "QueryGateSettings.url": SHELL,
    "_Endpoint.url": SHELL,
    # Compared with what the Compose file has; or a text of that file, quoted as JSON.
    "EdgeSettings.shared": LINE,
    "EdgeSettings.directory": SHELL,
    # Files of this machine, which are opened.
    "HostSettings.key_file": LINE,
    "ApprovalSettings.allowed_signers": LINE,
    "HostSettings.known_hosts": LINE,
    "CDEventsSettings.file": LINE,
    "EdgeSettings.template": LINE,
    "SecretSource.file": LINE,
    "SigningSettings.key_file": LINE,
    # Compared with the fingerprints and comments of the agent's keys.
    "SigningSettings.agent": TEXT,
    "Settings.repository": LINE,
    "_Http.ca_file": LINE,
    # One word each of a docker command on the host; what a template or a reader is given.
    "SourceSettings.build_args": TEXT,
    "HostSettings.docker": LINE,
    "HostSettings.docker_host": LINE,
    "Settings.environment": LINE,
    "ComposeSettings.template": LINE,
    "ComposeSettings.values": LINE,
    # Words of a JSON body.
    "GrafanaSettings.tags": LINE,
    # Paths in the repository and on the host; `..` leads nowhere else, but for a Dockerfile, which
    # may be anywhere in the repository.
    "SourceSettings.path": SHELL,
    "SourceSettings.dockerfile": LINE,
    "ComposeSettings.base": SHELL,
    "ComposeSettings.directory": SHELL,
    "ComposeSettings.files": SHELL,
    "HostSettings.state_dir": SHELL,
    "TextfileSettings.directory": SHELL,
    # The items are models of their own.
    "Head.stages": ANY,
}
FRONTS = {"shell": ("", "/srv/", "http://h/"), "dash": ("",), "up": ("", "/srv/")}
"""what a value may have to begin with"""


def models() -> list[type[BaseModel]]:
    found = kinds_in(Settings) | {Head, *PARAMS.values(), *STEPS.values()}
    return sorted(found, key=lambda kind: kind.__name__)


def fields() -> Iterator[tuple[type[BaseModel], str]]:
    for kind in models():
        for name in kind.model_fields:
            yield kind, name


def shapes(text: str) -> tuple[Any, ...]:
    """The text itself, and in whatever a field may be."""
    return text, [text], {text: "x"}, {"k": text}, {"k": [text]}, [[text]]


def takes(kind: type[BaseModel], name: str, group: str, text: str) -> bool:
    """Whether the field has nothing against the text; what else is missing does not matter."""
    key = kind.model_fields[name].alias or name
    for front in FRONTS.get(group, FRONTS["shell"]):
        for shape in shapes(front + text):
            try:
                kind.model_validate({key: shape}, context={"directory": "/here"})
            except ValidationError as error:
                if any(fault["loc"][:1] in ((key,), (name,)) for fault in error.errors()):
                    continue
            return True
    return False


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(kind, name, id=f"{kind.__name__}.{name}") for kind, name in fields()],
)
def test_it_is_refused_or_known_to_be_taken(kind: type[BaseModel], name: str) -> None:
    taken = {
        group: [text for text in texts if takes(kind, name, group, text)]
        for group, texts in HOSTILE.items()
    }
    known = ACCEPTED.get(f"{declared_by(kind, name).__name__}.{name}", frozenset())
    unknown = {group: texts for group, texts in taken.items() if texts and group not in known}
    assert not unknown, "say in ACCEPTED what it is used for, and show that it has no other effect"


def test_what_is_named_is_there() -> None:
    there = {f"{declared_by(kind, name).__name__}.{name}" for kind, name in fields()}
    assert set(ACCEPTED) <= there
