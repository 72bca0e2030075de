"""CDEvents, checked against the specification's own list of fields, which is written down here.

https://cdevents.dev/docs/spec/ (context, subject), https://cdevents.dev/docs/cd/ (service), 0.5.0.
"""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from deployctl.notify.cdevents import events, purl
from deployctl.notify.story import Where
from deployctl.result import Release, Result, Rollback

from .support import NEW, OLD, WHERE, put_back, refused, result, stage

NonEmpty = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SpecContext(Strict):
    specversion: Literal["0.5.0"]
    id: NonEmpty
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9/._~:?#@!$&'()*+,;=%-]+$")]
    type: Literal[
        "dev.cdevents.service.deployed.0.3.0",
        "dev.cdevents.service.upgraded.0.3.0",
        "dev.cdevents.service.rolledback.0.3.0",
        "dev.cdevents.service.removed.0.3.0",
    ]
    timestamp: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
    chainId: NonEmpty | None = None  # noqa: N815 - as the specification has it
    schemaUri: NonEmpty | None = None  # noqa: N815
    links: list[dict[str, Any]] | None = None


class SpecEnvironment(Strict):
    id: NonEmpty
    source: str | None = None


class SpecContent(Strict):
    environment: SpecEnvironment
    artifactId: Annotated[str, Field(pattern=r"^pkg:[a-z]+/[^\s@]+@[^\s]+$")]  # noqa: N815


class SpecRemovedContent(Strict):
    environment: SpecEnvironment


class SpecSubject(Strict):
    id: NonEmpty
    source: str | None = None
    content: SpecContent | SpecRemovedContent


class SpecEvent(Strict):
    context: SpecContext
    subject: SpecSubject
    customData: dict[str, Any] | str | None = None  # noqa: N815
    customDataContentType: str | None = None  # noqa: N815

    @model_validator(mode="after")
    def _of_its_type(self) -> Self:
        removed = ".removed." in self.context.type
        assert removed == isinstance(self.subject.content, SpecRemovedContent)
        return self

    @property
    def artifact(self) -> str | None:
        content = self.subject.content
        return content.artifactId if isinstance(content, SpecContent) else None


def told(found: Result, where: Where = WHERE) -> list[SpecEvent]:
    return [SpecEvent.model_validate_json(event.line) for event in events(found, where)]


def kinds(found: Result) -> set[str]:
    return {event.context.type.split(".")[3] for event in told(found)}


@pytest.mark.parametrize(
    ("found", "kind", "artifact"),
    [
        (result(), "upgraded", NEW),
        (result(previous=None), "deployed", NEW),
        (result(command="confirm", stages=[], previous=None), "deployed", NEW),
        (result("seal-failed", seal=None), "upgraded", NEW),
        (result(command="rollback", release=OLD, previous=NEW), "rolledback", OLD),
        (put_back(), "rolledback", OLD),
        (put_back("interrupted"), "rolledback", OLD),
        (put_back(previous=None), "removed", None),
        (put_back(previous=None, release=Release(image="api:1")), "removed", None),
    ],
)
def test_a_change_of_what_serves_is_an_event_a_service(
    found: Result, kind: str, artifact: Release | None
) -> None:
    assert kinds(found) == {kind}
    assert [event.subject.id for event in told(found)] == [
        "service/shop/api",
        "service/shop/worker",
    ]
    assert {event.artifact for event in told(found)} == {purl(artifact) if artifact else None}


@pytest.mark.parametrize(
    "found",
    [
        refused(),
        result("untouched", stages=[]),
        result("untouched", stages=[], rollback=Rollback(duration_ms=1)),
        result("interrupted", stages=[]),
        result("unchanged", stages=[stage("swap", 20, 0, "skipped")]),
        put_back("rollback-failed", rollback=Rollback(performed=True, state="failed")),
        put_back("rollback-failed", rollback=Rollback(performed=True, state="unproven")),
        result(release=NEW.model_copy(update={"image_id": None})),
    ],
)
def test_where_nothing_changed_or_nobody_knows_no_event_claims_it(found: Result) -> None:
    assert told(found) == []


def test_an_event_says_when_where_and_by_which_run() -> None:
    event = told(result())[0]
    assert event.context.id == "20260103T073200Z-hotfix-1f2e3d/api"
    assert event.context.source == event.subject.source == "/deployctl/shop/production"
    assert event.context.timestamp == "2026-01-03T07:32:31.000Z"
    assert event.subject.content.environment.id == "production"
    assert event.customData == {
        "deployctl": {
            "runId": "20260103T073200Z-hotfix-1f2e3d",
            "command": "hotfix",
            "result": "sealed",
            "exitCode": 0,
            "release": "r2",
            "sha": NEW.sha,
            "planDigest": "sha256:p",
            "sealDigest": "sha256:5ea1",
        }
    }
    datetime.fromisoformat(event.context.timestamp)


def test_what_is_no_text_does_not_keep_an_event_back() -> None:
    found = result(release=NEW.model_copy(update={"sha": "\udc80"}))
    [event, _] = events(found, WHERE)
    assert json.loads(event.line)["customData"]["deployctl"]["sha"] == "\udc80"


def test_events_of_one_run_have_ids_of_their_own_that_a_retry_keeps() -> None:
    first, again = told(result()), told(result())
    assert len({event.context.id for event in first}) == 2
    assert first == again


def test_the_headers_are_those_of_its_cloud_event() -> None:
    event = next(iter(events(result(), WHERE)))
    document = json.loads(event.line)
    assert event.headers == {
        "Content-Type": "application/cdevents+json; charset=utf-8",
        "ce-specversion": "1.0",
        "ce-id": document["context"]["id"],
        "ce-source": document["context"]["source"],
        "ce-type": document["context"]["type"],
        "ce-time": document["context"]["timestamp"],
        "ce-subject": document["subject"]["id"],
    }
    assert all(value.isascii() for value in event.headers.values())


@pytest.mark.parametrize("name", ['a "b" 100%', "ä/ö", "line\n"])
def test_any_name_fits_into_the_headers_and_comes_back(name: str) -> None:
    """CloudEvents' HTTP binding: what isn't visible ASCII, quotes and % are percent-encoded."""
    event = next(iter(events(result(), Where(project=name, environment=name, services=("api",)))))
    SpecEvent.model_validate_json(event.line)
    for key in ("id", "source", "subject"):
        value = event.headers[f"ce-{key}"]
        assert re.fullmatch("(?:[!#$&-~]|%[0-9A-F]{2})+", value)
        whole = event.subject.id if key == "subject" else getattr(event.context, key)
        assert unquote(value) == whole


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("api", "pkg:docker/api@sha256%3A2"),
        ("api:d73cfb1", "pkg:docker/api@sha256%3A2"),
        ("shop/api:d73cfb1", "pkg:docker/shop/api@sha256%3A2"),
        ("localhost/api", "pkg:docker/api@sha256%3A2?repository_url=localhost"),
        (
            "ghcr.io/shop/api:1",
            "pkg:docker/shop/api@sha256%3A2?repository_url=ghcr.io",
        ),
        (
            "registry:5000/api@sha256:3",
            "pkg:docker/api@sha256%3A2?repository_url=registry%3A5000",
        ),
        (None, None),
    ],
)
def test_an_image_is_named_by_its_id(image: str | None, expected: str | None) -> None:
    assert purl(Release(image=image, image_id="sha256:2")) == expected


def test_an_unknown_image_id_makes_no_name() -> None:
    assert purl(Release(image="api:1")) is None
