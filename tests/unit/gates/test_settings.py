"""Settings of gates: what is accepted, and what a fault says."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from deployctl.config.gates import (
    GATE_TYPES,
    AnyGateSettings,
    GateSettings,
    parse_series,
    with_type,
)

ANY: TypeAdapter[AnyGateSettings] = TypeAdapter(GateSettings)


def settings(name: str, **raw: Any) -> Any:
    return ANY.validate_python(with_type(name, raw))


def test_the_type_comes_from_the_name() -> None:
    assert settings("health").type == "health"
    assert settings("errors", type="query", url="http://p", query="x", max=1).type == "query"


def test_every_type_is_known() -> None:
    assert set(GATE_TYPES) == {
        "container",
        "health",
        "metrics",
        "prometheus",
        "query",
        "http",
        "command",
        "tcp",
    }


def test_a_path_prefix_is_kept() -> None:
    assert settings("prometheus", url="http://p/prom/", job="a").url == "http://p/prom"


@pytest.mark.parametrize(
    ("name", "raw", "fault"),
    [
        ("health", {"paht": "/"}, "Extra inputs"),
        ("health", {"url": "http://h/", "path": "/x"}, "remove path"),
        ("health", {"url": "ftp://h/"}, "http://"),
        ("health", {"address": "container"}, "container:PORT"),
        ("health", {"address": "published:99999"}, "published:PORT"),
        ("health", {"address": "container:80", "via": "client"}, "via: host"),
        ("health", {"headers": {"Authorization": "Bearer x"}}, "bearer_env"),
        ("health", {"headers": {"X": "a\r\nY: b"}}, "control characters"),
        ("health", {"bearer_env": "A", "basic_env": "B"}, "not both"),
        ("health", {"insecure": True, "ca_file": "ca.pem"}, "not both"),
        ("health", {"status": 42}, "100"),
        ("http", {"matches": "("}, "regular expression"),
        ("http", {"status": []}, "at least 1"),
        ("metrics", {"require": ["up{job=api}"]}, 'label="value"'),
        ("metrics", {"require": ["not a name"]}, "expected a series"),
        ("prometheus", {"url": "http://p"}, "job or pool"),
        ("prometheus", {"url": "http://u:p@p", "job": "a"}, "without credentials"),
        ("prometheus", {"url": "http://p/?x=1", "job": "a"}, "without a query"),
        ("query", {"url": "http://p", "query": "up"}, "min, max or equals"),
        ("query", {"url": "http://p", "query": "up", "min": 2, "max": 1}, "nothing could pass"),
        ("query", {"url": "http://p", "query": "up", "min": "nan"}, "finite"),
        ("command", {"run": ""}, "at least 1 character"),
        ("tcp", {"endpoint": "db"}, "HOST:PORT"),
        ("tcp", {"endpoint": "db:5432", "address": "published"}, "not both"),
    ],
)
def test_a_fault_says_what_was_expected(name: str, raw: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(name, **raw)


def test_a_series_with_all_kinds_of_matchers() -> None:
    text = 'x{a="1", b!="2",c=~"3.*",d!~"4",e="quo\\"te",}'
    name, matchers = parse_series(text)
    assert name == "x"
    assert matchers == (
        ("a", "=", "1"),
        ("b", "!=", "2"),
        ("c", "=~", "3.*"),
        ("d", "!~", "4"),
        ("e", "=", 'quo"te'),
    )
