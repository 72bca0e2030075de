"""Whether all of a project that runs is what its Compose files say, not only what is rolled out.

A survey's own question is about the services of the settings, as its answer guards a rollout of
those. Who says of the files that they are what runs has to ask about every service.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deployctl.engines.compose import drift
from deployctl.engines.compose.survey import NO_REASON, Survey
from deployctl.engines.compose.weigh import EACH_SECONDS, judged, question
from deployctl.host.connection import Answer, Host
from deployctl.host.failures import understood


@dataclass(frozen=True)
class Whole:
    """`moved`: what `up` of the files would do to containers that are there; `untold`: why that
    can't be told; `differences`: a line a service that differs. All empty: the files are what runs.
    """

    moved: tuple[str, ...] = ()
    untold: str = ""
    differences: tuple[str, ...] = ()


def take(host: Host, survey: Survey, public: Sequence[str]) -> Whole:
    """Of files that Compose refuses there is nothing to tell. Raises ProgramFailed, also for an
    answer that can't be understood."""
    if survey.config_error.strip():
        return Whole()
    services = services_of(survey)
    params = question(survey, "", [b""], services, public)
    answer = host.run("weigh", params, timeout=EACH_SECONDS)
    with understood("weigh"):
        found = told(answer, survey, services)
    if not found.moved:
        return found
    moved = {line.partition(":")[0] for line in found.moved}
    differing = survey.services_with(moved)
    words = (survey.docker, survey.compose_words, survey.project, differing)
    return Whole(found.moved, found.untold, drift.ask(host, *words))


def services_of(survey: Survey) -> tuple[str, ...]:
    """Every service that has a container."""
    return tuple(sorted({c.service for c in survey.containers if c.service}))


def told(answer: Answer, survey: Survey, services: Sequence[str]) -> Whole:
    """Pure. `absent` are services whose containers are there, and that no file defines."""
    absent = answer.text("absent").split()
    here = [service for service in services if service not in absent]
    refused = ""
    if answer.text("accepted") != "yes":
        refused = answer.text("refused").strip() or NO_REASON
    if refused:
        return Whole(untold=f"its dry run failed: {refused[-300:]}")
    texts = (answer.text(name) for name in ("dry-run", "dry-run-alone", "images"))
    weighed = judged(survey, here, "", *texts) if here else None
    return Whole(
        moved=weighed.disturbed if weighed else (),
        untold=f"there are containers of {', '.join(absent)}, which is in none of the files"
        if absent
        else "",
    )
