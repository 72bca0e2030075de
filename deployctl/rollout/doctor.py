"""`deployctl doctor`: what would stand in the way of a rollout to this target?"""

from collections.abc import Sequence
from typing import Literal

from deployctl.config.settings import Settings
from deployctl.engines.compose import preflight, survey
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.refusals import refusing
from deployctl.errors import DeployctlError, ExitCode
from deployctl.host.connection import AnswerTimeoutError, ForwardingRefused, Host
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.result import SCHEMA_VERSION, Document
from deployctl.rollout.address import host_address
from deployctl.rollout.checks import what_could_be_freed

_GUARDS = {
    "root-unit": "a systemd unit goes on with a run that a restart of the host cut off",
    "user-unit": "a systemd unit of this user goes on with a run that a restart cut off",
    "cron": "an @reboot line in the crontab goes on with a run that a restart cut off",
}


class Check(Document):
    name: str
    state: Literal["ok", "problem", "warning"]
    detail: str
    next: str = ""


class DoctorDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "doctor"
    result: Literal["ok", "problems"]
    exit_code: int
    target: str
    checks: tuple[Check, ...]


def _document(settings: Settings, checks: Sequence[Check]) -> DoctorDocument:
    """A warning is no problem."""
    bad = any(check.state == "problem" for check in checks)
    return DoctorDocument(
        result="problems" if bad else "ok",
        exit_code=int(ExitCode.REFUSED if bad else ExitCode.SEALED),
        target=settings.target,
        checks=tuple(checks),
    )


def _forwarding(host: Host) -> Check:
    """Gates and the probe need it. Whether anything listens on that port doesn't matter."""
    try:
        host.dial("127.0.0.1", 9, 5.0).close()
    except (ForwardingRefused, AnswerTimeoutError) as error:
        return Check(name="forwarding", state="problem", detail=error.what, next=error.next_step)
    except OSError:
        pass
    detail = "sshd opens connections for us"
    if host.relays:
        detail = "sshd forwards no connections (AllowTcpForwarding); a program on the host does"
    return Check(name="forwarding", state="ok", detail=detail)


def _sessions(host: Host) -> Check:
    """Few are enough: further connections make up for it, each with a login of its own."""
    if not host.crowded:
        return Check(name="sessions", state="ok", detail="as many on one connection as needed")
    return Check(
        name="sessions",
        state="warning",
        detail="sshd allows so few on one connection (MaxSessions) that deployctl makes further "
        "connections, which takes a little longer",
    )


def doctor(settings: Settings, ask: Ask = ask_nobody) -> DoctorDocument:
    """Never raises for what the host says: that is what it reports."""
    checks: list[Check] = []
    try:
        link = Link(host_address(settings.host), ask)
    except DeployctlError as error:
        checks.append(
            Check(name="connection", state="problem", detail=error.what, next=error.next_step)
        )
        return _document(settings, checks)
    try:
        checks.append(Check(name="connection", state="ok", detail=link.host.label))
        facts = survey.take(link.host, settings, probe_write="undo")
        with refusing(link.host.label):
            checks.append(_forwarding(link.host))
        checks.append(_sessions(link.host))
        build = facts.last_build_bytes
        freeable = what_could_be_freed(link.host, facts, build)
    except DeployctlError as error:
        checks.append(Check(name="host", state="problem", detail=error.what, next=error.next_step))
        return _document(settings, checks)
    finally:
        link.close()
    checks.append(
        Check(
            name="docker",
            state="ok",
            detail=f"Engine {facts.engine_version}, Compose {facts.compose_version}, by "
            f"`{' '.join(facts.docker)}`, BuildKit {'yes' if facts.buildx else 'no buildx plugin'}",
        )
    )
    if facts.lock_holder is not None:
        checks.append(
            Check(
                name="lock", state="warning", detail=f"held: {describe_holder(facts.lock_holder)}"
            )
        )
    if facts.guard != "none":
        checks.append(Check(name="after a restart", state="ok", detail=_GUARDS[facts.guard]))
    checks += [
        Check(
            name=finding.name,
            state="ok" if finding.ok else "problem",
            detail=(finding.held or "as it should be") if finding.ok else finding.detail,
            next="" if finding.ok else finding.next_step,
        )
        for finding in preflight.judge(
            facts, settings.services, accept_drift=False, build=build, freeable=freeable
        )
    ]
    checks += [
        Check(name="advice", state="warning", detail=warning)
        for warning in preflight.warnings(facts, settings.services)
    ]
    return _document(settings, checks)
