"""Whatever a file holds: settings or a playbook come out, or a ConfigError; never a traceback."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from deployctl.config import example as example_file
from deployctl.config.durations import parse_duration
from deployctl.config.gates import GATE_TYPES, AnyGateSettings
from deployctl.config.interpolate import expand
from deployctl.config.load import load
from deployctl.config.targets import FILE_KEYS
from deployctl.config.tree import Mapping, parse, plain
from deployctl.config.validate import keys_of
from deployctl.data import data_path
from deployctl.errors import ConfigError
from deployctl.rollout.playbook import Head, load_playbook
from deployctl.rollout.steps import PARAMS, STEPS
from tests.cases import works

EXAMPLE = example_file.complete().encode()
PLAYBOOK = data_path("playbooks", "hotfix.yml").read_bytes()
GATE_KEYS = sorted({key for kind in get_args(AnyGateSettings) for key in keys_of(kind)} - {"type"})
YAML_PIECES = [
    *("a", "1", "key: ", "- ", "? ", ": ", "{", "}", "[", "]", ", ", "\n", "\n  ", "\t", " ", "#"),
    *(
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "| ",
        ">-\n",
        "'",
        '"',
        "\\",
        "%YAML 1.1",
        "---",
        "...",
    ),
    *(
        "${X}",
        "${",
        "$$",
        "null",
        "~",
        "true",
        "\x00",
        "\ufeff",
        "é",
        "\u2028",
        "😀",
        "\r",
        "@",
        "`",
    ),
    *sorted(FILE_KEYS),
    *PARAMS,
    *STEPS,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["${X}", "/x", "10s", "a:b@c", "(" * 3000, "x" * 3000, "[::1]", "health"]),
)
words = st.one_of(st.sampled_from([*sorted(FILE_KEYS), "type", "path", "url"]), st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5),
    max_leaves=20,
)


def ends_well(read: Callable[[Path], object], data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.yml"
        path.write_bytes(data)
        try:
            outcome = read(path)
        except ConfigError as error:
            outcome = error.next_step and error.what.encode()
    assert outcome


def dumped(document: object) -> bytes:
    """By libyaml where it is there: most of an example's time would go into writing it."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, allow_unicode=True)
    return text.encode()


def load_settings(path: Path) -> object:
    return load(path, "production", {"X": "1"})


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with a few stretches replaced."""
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 12))
        piece = draw(st.sampled_from(YAML_PIECES).map(str.encode) | st.binary(max_size=4))
        data = data[:start] + piece + data[end:]
    return data


@works("Hostile input", "settings files of any bytes, damaged or with any values")
@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_settings_or_a_config_error(data: bytes) -> None:
    ends_well(load_settings, data)


@given(st.lists(st.sampled_from(YAML_PIECES), max_size=25).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_pieces_of_yaml_are_settings_or_a_config_error(text: str) -> None:
    ends_well(load_settings, text.encode())


@given(damaged(example_file.essentials().encode()))
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_settings_or_a_config_error(data: bytes) -> None:
    ends_well(load_settings, data)


@given(st.dictionaries(st.sampled_from(sorted(FILE_KEYS)), trees, max_size=6), trees)
@settings(max_examples=100, deadline=None)
def test_any_values_of_known_keys_are_settings_or_a_config_error(
    top: dict[str, object], target: object
) -> None:
    whole = {**top, "version": 1, "targets": {"production": target}}
    ends_well(load_settings, dumped(whole))


@given(st.dictionaries(st.sampled_from(GATE_KEYS), trees, max_size=4), st.sampled_from(GATE_TYPES))
@settings(max_examples=200, deadline=None)
def test_any_gate_is_settings_or_a_config_error(gate: dict[str, object], kind: str) -> None:
    whole = {
        "version": 1,
        "services": ["api"],
        "gates": {"own": {"type": kind, **gate}},
        "targets": {"production": {"host": "vps"}},
    }
    ends_well(load_settings, dumped(whole))


@given(st.lists(st.sampled_from([*PARAMS, *STEPS]) | trees, max_size=14))
@settings(max_examples=100, deadline=None)
def test_any_stages_are_a_playbook_or_a_config_error(items: list[object]) -> None:
    head = {"version": 1, "name": "own", "kind": "hotfix", "stages": items}
    ends_well(load_playbook, dumped(head))


@works("Hostile input", "playbooks of any stages and values, or damaged")
@given(damaged(PLAYBOOK))
@settings(max_examples=60, deadline=None)
def test_a_damaged_playbook_is_a_playbook_or_a_config_error(data: bytes) -> None:
    ends_well(load_playbook, data)


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.text()
    )
)
@settings(max_examples=100, deadline=None)
def test_quoted_text_is_read_as_it_was_written(values: dict[str, str]) -> None:
    data = yaml.safe_dump(values, default_style='"').encode()
    node, faults = parse(data, "f.yml")
    if not faults:
        assert isinstance(node, Mapping)
        assert plain(node) == values


@pytest.mark.parametrize("read", [load_settings, load_playbook])
@works("Hostile input", "a file of secrets given as settings or playbook: nothing of it is shown")
@given(
    st.sampled_from(YAML_PIECES) | st.just(""),
    st.sampled_from(YAML_PIECES) | st.sampled_from([":x:0:\n", "=", ": - "]),
    st.sampled_from(["\n", ": 1\n", '"', "'", " x\n", "]", ":::\n", ": {hunter2: 1, hunter2: 2}"]),
)
@example("{", "a", ": {hunter2: 1, hunter2: 2}")
@settings(max_examples=60, deadline=None)
def test_another_kind_of_file_is_not_quoted(
    read: Callable[[Path], object], before: str, between: str, after: str
) -> None:
    """Such as /etc/shadow, which is YAML by chance."""
    assume(before not in {*FILE_KEYS, *Head.model_fields})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.yml"
        path.write_text(f"{before}hunter2{between}hunter2hunter2{after}", "utf-8", "replace")
        with pytest.raises(ConfigError) as caught:
            read(path)
    assert "hunter2" not in caught.value.what


@given(st.text())
def test_a_doubled_dollar_sign_keeps_any_text_as_it_is(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == text


@given(st.integers(0, 24 * 60 * 60 * 1000))
def test_milliseconds_become_the_nearest_number_of_seconds(count: int) -> None:
    assert parse_duration(f"{count}ms") == count / 1000
