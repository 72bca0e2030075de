"""Release records: what was live, in which order, and how to find one. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field, ValidationError

from deployctl.errors import RefusedError
from deployctl.result import Document


class ServiceImage(Document):
    image: str
    """the reference that stands, or stood, in the Compose file"""
    image_id: str


class ReleaseRecord(Document):
    """One release that was live. `r0` is what deployctl found on its first rollout."""

    number: str = Field(pattern="^r[0-9]{1,9}$")
    sha: str | None = None
    subject: str = ""
    source_digest: str | None = None
    build_digest: str | None = None
    services: Mapping[str, ServiceImage] = Field(min_length=1)
    previous: str | None = None
    run_id: str
    by: str
    at: datetime
    gates: tuple[str, ...] = Field(default=())
    """the gates that held when it went live, or when it was found"""
    left_by: str | None = None
    """the run that left it in place without having proven it good, where it was found so"""


def read_record(data: bytes) -> ReleaseRecord:
    """Raises RefusedError when a record in the state directory was damaged."""
    try:
        return ReleaseRecord.model_validate_json(data)
    except ValidationError as error:
        raise RefusedError(
            "A release record in the host's state directory can't be read: "
            f"{error.errors()[0]['msg']}.",
            next_step="Look at the files under releases/ in the state directory; restore or "
            "remove the damaged one.",
        ) from error


def write_record(record: ReleaseRecord) -> str:
    return json.dumps(record.model_dump(mode="json", by_alias=True), sort_keys=True)


def find(releases: Sequence[ReleaseRecord], number: str) -> ReleaseRecord | None:
    return next((record for record in releases if record.number == number), None)


def ordinal(number: str) -> int:
    return int(number.lstrip("r") or 0) if re.fullmatch("r[0-9]{1,9}", number) else -1


def next_number(releases: Sequence[ReleaseRecord]) -> str:
    """`r0` for the first one; numbers are never used twice."""
    return f"r{max((ordinal(record.number) for record in releases), default=-1) + 1}"


def running(
    releases: Sequence[ReleaseRecord],
    live: str,
    images: Mapping[str, str],
    services: Sequence[str],
) -> ReleaseRecord | None:
    """The live record, if its images are what every one of the services has; else None.

    `images` maps the services that have a container to their image IDs.
    """
    record = find(releases, live)
    if record is None:
        return None
    same = all(
        name in images
        and name in record.services
        and record.services[name].image_id == images[name]
        for name in services
    )
    return record if same else None


def resolve(
    releases: Sequence[ReleaseRecord], live: ReleaseRecord | None, wanted: str | None
) -> ReleaseRecord:
    """The release that a rollback goes to.

    `wanted` is a release number (`r3`), a commit SHA (7 characters or more) or a tag or whole
    image reference; None means the one before the live one. Raises RefusedError with what is
    available.
    """
    if wanted is None:
        if live is None:
            raise RefusedError(
                "deployctl has not recorded what runs here, so it doesn't know what came before.",
                next_step=f"Name one: deployctl rollback --to RELEASE. {_available(releases)}",
            )
        record = before(releases, live)
        if record is None:
            raise RefusedError(
                f"There is no release before {describe(live)}.",
                next_step=f"deployctl history. {_available(releases)}",
            )
        return record
    matches = [record for record in releases if answers_to(record, wanted)]
    if not matches:
        raise RefusedError(
            f"No release here is {wanted!r}.",
            next_step=f"deployctl history. {_available(releases)}",
        )
    # The same release may have been live more than once: the latest record is the one meant.
    if len({identity(record) for record in matches}) > 1:
        raise RefusedError(
            f"{wanted!r} fits several releases: {', '.join(describe(r) for r in matches)}.",
            next_step="Use the release number.",
        )
    return max(matches, key=lambda record: ordinal(record.number))


def before(releases: Sequence[ReleaseRecord], live: ReleaseRecord) -> ReleaseRecord | None:
    """The release that a rollback without a word goes to: another one, not known as unproven."""
    seen = {live.number}
    record = find(releases, live.previous) if live.previous else None
    # Deployed again, or found, it stands there twice: that is no way back.
    while record is not None and (record.left_by or image_ids(record) == image_ids(live)):
        if record.number in seen:
            return None
        seen.add(record.number)
        record = find(releases, record.previous) if record.previous else None
    return record


def identity(record: ReleaseRecord) -> tuple[str | None, frozenset[tuple[str, str]]]:
    """What two records of the same release have in common."""
    return record.sha, frozenset(image_ids(record).items())


def image_ids(record: ReleaseRecord) -> dict[str, str]:
    """service -> image ID"""
    return {name: image.image_id for name, image in record.services.items()}


def describe(record: ReleaseRecord) -> str:
    """`r3 (d73cfb1)`, or `r0 (techno-os-api:v1)` for one that was found."""
    if record.sha:
        return f"{record.number} ({record.sha[:7]})"
    images = sorted({service.image for service in record.services.values()})
    return f"{record.number} ({', '.join(images)})"


def answers_to(record: ReleaseRecord, wanted: str) -> bool:
    """Whether `wanted` (as in `resolve`) names this release."""
    if record.number == wanted:
        return True
    if (
        record.sha
        and re.fullmatch(r"[0-9a-fA-F]{7,64}", wanted)
        and record.sha.startswith(wanted.lower())
    ):
        return True
    return any(
        wanted in (service.image, service.image.rpartition(":")[2], service.image_id)
        for service in record.services.values()
    )


def _available(releases: Sequence[ReleaseRecord]) -> str:
    if not releases:
        return "None is recorded yet."
    ordered = sorted(releases, key=lambda record: ordinal(record.number), reverse=True)
    return "Available: " + ", ".join(describe(record) for record in ordered[:10]) + "."
