"""`deployctl logs`: the last lines of a service's containers."""

from collections.abc import Iterator

from deployctl.config.settings import Settings
from deployctl.engines.compose import look, survey
from deployctl.engines.compose.refusals import refusing
from deployctl.errors import RefusedError, UsageError
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.rollout.address import host_address


def logs(
    settings: Settings, service: str | None, lines: int, ask: Ask = ask_nobody
) -> Iterator[str]:
    """Lines as the containers wrote them; with several replicas each line names its container."""
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        name = service or settings.services[0]
        known = sorted({container.service for container in facts.containers})
        if service is None and name not in known:
            raise RefusedError(
                f"The service {name} has no container, and so no log.",
                next_step="deployctl status",
            )
        if name not in known:
            raise UsageError(
                f"The project {facts.project} has no service {name!r}.",
                next_step=f"Services: {', '.join(known)}.",
            )
        with refusing(link.host.label):
            told = look.last_lines(link, facts, settings.public, name, lines)
    finally:
        link.close()
    for container, text in told:
        prefix = f"{container[:12]} " if len(told) > 1 else ""
        for line in text.splitlines():
            yield f"{prefix}{line}"
