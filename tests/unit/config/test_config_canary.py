"""What a file says in the wrong place may be a secret: no fault repeats it."""

import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deployctl.config import example
from deployctl.config.faults import InvalidFileError
from deployctl.config.load import load
from deployctl.data import data_path
from deployctl.errors import ConfigError
from deployctl.rollout.playbook import load_playbook

SETTINGS = yaml.safe_load(example.complete())
PLAYBOOK = yaml.safe_load(data_path("playbooks", "hotfix.yml").read_text())
PLAYBOOK["stages"][7:7] = [
    {
        "run": {
            "name": "migrate",
            "command": ["make", "migrate"],
            "where": "host",
            "timeout": "5m",
            "env": ["TOKEN"],
            "rollback": "make back",
            "when": "success",
        }
    },
    {
        "http": {
            "name": "tell",
            "url": "http://chat/x",
            "headers": {"X-Token": "x"},
            "body": {"text": "x"},
            "expect": [200],
            "timeout": "5s",
            "advisory": True,
        }
    },
]

Place = tuple[str | int, ...]


def places(node: Any, path: Place = ()) -> Iterator[Place]:
    """Every place of the document but its top, whatever stands there."""
    if path:
        yield path
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*path, key))


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(node, dict):
        return {**node, path[0]: replaced(node[path[0]], path[1:], value)}
    changed = [replaced(node[path[0]], path[1:], value)]
    return [*node[: path[0]], *changed, *node[path[0] + 1 :]]


CANARIES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "Bearer ", "user:", "https://u:", "http://", "${-", "-", "TOKEN=", "[x]"]),
    st.text(string.ascii_letters + string.digits, min_size=6, max_size=24).map("q7Z9kW{}".format),
    st.sampled_from(["", "@host/", ":x", "\n", "}", " #"]),
)
SHAPES: tuple[Callable[[str], Any], ...] = (
    lambda canary: canary,
    lambda canary: [canary],
    lambda canary: {"key": canary},
    lambda canary: [[canary]],
)


def told(read: Callable[[Path], object], path: Path, document: Any) -> str:
    """What is said of the document's faults; nothing, where it has none."""
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    try:
        read(path)
    except InvalidFileError as error:
        return error.what + error.next_step
    except ConfigError:
        pass  # a value of the right type: the name of nothing that is there
    return ""


@pytest.mark.parametrize(
    ("document", "read"),
    [(SETTINGS, lambda path: load(path, None, {})), (PLAYBOOK, load_playbook)],
    ids=["settings", "playbook"],
)
@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_value_of_the_wrong_type_is_never_repeated(
    tmp_path: Path, document: Any, read: Callable[[Path], object], data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(list(places(document))))
    value = data.draw(st.sampled_from(SHAPES))(data.draw(CANARIES))
    assert "q7Z9kW" not in told(read, tmp_path / "own.yml", replaced(document, place, value))


def test_the_playbook_is_good_without_a_canary(tmp_path: Path) -> None:
    assert told(load_playbook, tmp_path / "own.yml", PLAYBOOK) == ""
