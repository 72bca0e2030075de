"""What happened to each service, as CDEvents. Pure.

The models are the fields of the specification, which are all that its schema allows:
https://cdevents.dev/docs/spec/ and https://cdevents.dev/docs/cd/. A run that did not come to the
switch, or after which nobody knows what serves, is no event.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from deployctl.evidence.event_json import rfc3339
from deployctl.notify.story import Where, changed_at, happened, serving
from deployctl.result import Release, Result

SPEC_VERSION = "0.5.0"
CONTENT_TYPE = "application/cdevents+json; charset=utf-8"
Predicate = Literal["deployed", "upgraded", "rolledback", "removed"]


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        defer_build=True,
    )


class Context(_Part):
    specversion: str = Field(min_length=1)
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str = Field(
        pattern=r"^dev\.cdevents\.service\.(deployed|upgraded|rolledback|removed)\.0\.3\.0$"
    )
    timestamp: str


class Reference(_Part):
    id: str = Field(min_length=1)
    source: str | None = None


class Content(_Part):
    environment: Reference
    artifact_id: str | None = Field(default=None, min_length=1)
    """Of all but `removed`, which may have none."""


class Subject(_Part):
    id: str = Field(min_length=1)
    source: str | None = None
    content: Content


class CDEvent(_Part):
    context: Context
    subject: Subject
    custom_data: dict[str, Any] | None = None
    custom_data_content_type: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def line(self) -> bytes:
        """The document on one line."""
        told = json.dumps(self.document, ensure_ascii=False)
        return told.encode(errors="backslashreplace") + b"\n"

    @property
    def headers(self) -> dict[str, str]:
        """Of its CloudEvent, in HTTP's binary mode."""
        return {
            "Content-Type": CONTENT_TYPE,
            "ce-specversion": "1.0",
            "ce-id": _header(self.context.id),
            "ce-source": _header(self.context.source),
            "ce-type": self.context.type,
            "ce-time": self.context.timestamp,
            "ce-subject": _header(self.subject.id),
        }


def events(result: Result, where: Where) -> Iterator[CDEvent]:
    """One for each service that the run changed."""
    predicate = _predicate(result)
    if predicate is None:
        return
    release = result.release if predicate == "removed" else serving(result)
    artifact = purl(release) if release and predicate != "removed" else None
    if artifact is None and predicate != "removed":
        return  # the specification wants one, and none is known to be true
    names = (where.project or "-", result.target or "-")
    source = "/".join(["/deployctl", *(quote(name, safe="") for name in names)])
    for service in where.services:
        yield CDEvent(
            context=Context(
                specversion=SPEC_VERSION,
                id=f"{result.run_id}/{service}",
                source=source,
                type=f"dev.cdevents.service.{predicate}.0.3.0",
                timestamp=rfc3339(changed_at(result)),
            ),
            subject=Subject(
                id=f"service/{where.project or '-'}/{service}",
                source=source,
                content=Content(
                    environment=Reference(id=where.environment or str(result.target)),
                    artifact_id=artifact,
                ),
            ),
            custom_data={"deployctl": _custom(result, release)},
            custom_data_content_type="application/json",
        )


def _header(text: str) -> str:
    """As CloudEvents has a value in a header: a receiver undoes what is percent-encoded."""
    return quote(text, safe="!#$&'()*+,/:;<=>?@[\\]^`{|}")


def _predicate(result: Result) -> Predicate | None:
    match happened(result):
        case "deployed":
            # What `confirm` keeps may have had something before it: it doesn't look.
            return "upgraded" if result.previous else "deployed"
        case "went-back":
            return "rolledback"
        case "put-back":
            return "rolledback" if result.previous else "removed"
        case _:
            return None


def purl(release: Release) -> str | None:
    """`pkg:docker/shop/api@sha256%3A…`: the image by its ID, for it was pushed to no registry."""
    if not release.image or not release.image_id:
        return None
    name = release.image.partition("@")[0]
    if ":" in name.rpartition("/")[2]:
        name = name.rpartition(":")[0]
    *path, last = name.split("/")
    registry = path[0] if path and (set(path[0]) & set(".:") or path[0] == "localhost") else ""
    parts = [*(path[1:] if registry else path), last]
    shown = "/".join(quote(part, safe="") for part in parts)
    where = f"?repository_url={quote(registry, safe='')}" if registry else ""
    return f"pkg:docker/{shown}@{quote(release.image_id, safe='')}{where}"


def _custom(result: Result, release: Release | None) -> dict[str, Any]:
    """What a reader needs to find the run and its evidence; no person's name."""
    return {
        "runId": result.run_id,
        "command": result.command,
        "result": result.result,
        "exitCode": result.exit_code,
        "release": release.number if release else None,
        "sha": release.sha if release else None,
        "planDigest": result.plan_digest,
        "sealDigest": result.seal.digest if result.seal else None,
    }
