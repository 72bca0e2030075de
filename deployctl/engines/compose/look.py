"""Looks at the host between survey and end of a run."""

from collections.abc import Sequence

from deployctl.engines.compose.inspected import parse_containers
from deployctl.engines.compose.survey import Survey
from deployctl.evidence.marks import Marks
from deployctl.host.connection import Answer
from deployctl.host.facts import ContainerState
from deployctl.host.failures import understood
from deployctl.host.link import Link
from deployctl.result import Untouched

LOOK_TIMEOUT = 15.0


def containers(
    link: Link,
    survey: Survey,
    public: Sequence[str] = (),
    service: str = "",
    marks: Marks | None = None,
) -> tuple[ContainerState, ...]:
    """The project's containers, or those of one service, as they are now.

    `public` names the environment variables whose values need not be scrubbed; `marks` learns what
    is secret in the others.
    """
    answer = link.host.run(
        "look",
        {
            "DOCKER": "\n".join(survey.docker),
            "PROJECT": survey.project,
            "SERVICE": service,
            "PUBLIC": "\n".join(public),
            "MARK_KEYS": marks.keys if marks is not None else "",
        },
        timeout=LOOK_TIMEOUT,
    )
    with understood("look"):
        if marks is not None:
            marks.learn(answer.text("marks"))
        return parse_containers(answer.text("containers"))


def untouched(
    before: Sequence[ContainerState],
    after: Sequence[ContainerState],
    services: Sequence[str],
    *,
    restarted: bool = False,
) -> tuple[Untouched, ...]:
    """Each container of the project that isn't ours: is it the same, started at the same time?

    `restarted`: Docker itself was, so that all have started again.
    """
    now = {container.id: container for container in after}
    return tuple(
        Untouched(
            service=container.service,
            container_id=container.id,
            same=container.id in now and (restarted or _as_it_was(container, now[container.id])),
            restarted=container.id in now and now[container.id].started_at != container.started_at,
        )
        for container in before
        if container.service not in services
    )


def _as_it_was(before: ContainerState, now: ContainerState) -> bool:
    return now.started_at == before.started_at and before.status in {now.status, "restarting"}


def last_lines(
    link: Link, survey: Survey, public: Sequence[str], service: str, lines: int
) -> list[tuple[str, str]]:
    """(container ID, its last log lines) for each container of a service, scrubbed on the host."""
    answer = link.host.run(
        "logs",
        {
            "DOCKER": "\n".join(survey.docker),
            "PROJECT": survey.project,
            "SERVICE": service,
            "LINES": str(lines),
            "PUBLIC": "\n".join(public),
        },
        timeout=LOOK_TIMEOUT,
    )
    with understood("logs"):
        return list(zip(_texts(answer, "container"), _texts(answer, "lines"), strict=True))


def image_ids(link: Link, survey: Survey, references: Sequence[str]) -> dict[str, str]:
    """reference -> image ID on the host; empty for one that is gone."""
    if not references:
        return {}
    answer = link.host.run(
        "images",
        {"DOCKER": "\n".join(survey.docker), "REFERENCES": "\n".join(references)},
        timeout=LOOK_TIMEOUT,
    )
    with understood("images"):
        return dict(zip(references, _texts(answer, "id"), strict=True))


def kept_evidence(link: Link, survey: Survey, public: Sequence[str], run: str) -> dict[str, bytes]:
    """What the host's job kept of a run, scrubbed there: file name -> content."""
    answer = link.host.run(
        "evidence",
        {
            "DOCKER": "\n".join(survey.docker),
            "PROJECT": survey.project,
            "PUBLIC": "\n".join(public),
            "RUN": run,
        },
        timeout=LOOK_TIMEOUT,
    )
    with understood("evidence"):
        return dict(zip(_texts(answer, "name"), answer.all("content"), strict=True))


def _texts(answer: Answer, name: str) -> list[str]:
    return [data.decode("utf-8", "replace") for data in answer.all(name)]
