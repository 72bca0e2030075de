"""The compose template, and the data files beside the package."""

import jinja2
import pytest
import yaml

from deployctl.data import data_path
from deployctl.errors import UsageError
from deployctl.lab import template


def rendered(**values: str) -> str:
    text = data_path("compose-templates", "production.yml.j2").read_text()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - YAML
    return environment.from_string(text).render(**values)


def test_without_values_the_template_is_the_file_of_the_report() -> None:
    document = yaml.safe_load(rendered(image="techno-os-api:d73cfb1"))
    api, postgres = document["services"]["api"], document["services"]["postgres"]
    assert postgres["image"] == "postgres:15-alpine"
    assert postgres["volumes"] == ["postgres_data:/var/lib/postgresql/data"]
    assert api["image"] == "techno-os-api:d73cfb1"
    assert api["container_name"] == "techno-os-api"
    assert api["env_file"] == ["/opt/techno-os/env/.env.prod"]
    assert api["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert api["ports"] == ["127.0.0.1:8000:8000"]
    assert api["healthcheck"] == {
        "test": ["CMD", "curl", "-f", "http://localhost:8000/health"],
        "interval": "30s",
        "timeout": "3s",
        "retries": 3,
        "start_period": "10s",
    }
    assert document["networks"] == {"techno-network": {"driver": "bridge"}}


def test_the_project_name_reaches_every_container() -> None:
    document = yaml.safe_load(rendered(project="shop"))
    names = [service["container_name"] for service in document["services"].values()]
    assert document["name"] == "shop"
    assert names == ["shop-db", "shop-api"]


def test_the_lab_quickens_the_health_checks() -> None:
    document = yaml.safe_load(template.compose_text("techno-os-api:abc1234"))
    assert document["services"]["api"]["healthcheck"]["start_interval"] == "500ms"
    assert document["services"]["api"]["image"] == "techno-os-api:abc1234"


def test_the_template_is_named_after_what_it_is_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    before = template.current()
    assert template.current() == before
    monkeypatch.setattr(template, "compose_text", lambda image: f"other {image}")
    assert template.current() != before


def test_a_data_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match=r"absent\.yml among the playbooks"):
        data_path("playbooks", "absent.yml")
