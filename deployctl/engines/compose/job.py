"""The client's side of the host's job (programs/job.sh): start it, order, listen, read back.

The job swaps, confirms and rolls back on the host and needs no client for it.
"""

import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job_line import EXCHANGE_TIMEOUT, JobEvent, JobGoneError, JobLine
from deployctl.engines.compose.survey import CLIENT_GONE_AFTER, Guard, read_about
from deployctl.engines.releases import ReleaseRecord, write_record
from deployctl.errors import (
    LockedError,
    UnreachableError,
    UntouchedError,
)
from deployctl.host.connection import Host, ProgramFailed
from deployctl.host.failures import understood
from deployctl.host.link import Link
from deployctl.host.programs import program_text

TAKEN_OVER = 5
"""seconds within which the host itself goes on with a job that was killed"""
STEP_TIMEOUT = 90
SLACK = 60
ENDS = frozenset({"confirmed", "rolled_back", "rollback_failed", "kept", "released"})
"""states that a run never leaves by itself"""
GAVE_UP = "released the client went away"
"""state and reason of a job that was not armed, and had no client any more"""
UNPROVEN = "confirmed unproven"
"""state and reason of a rollback that the host finished without a client's proof"""
ENDED_BY = "ended by "
"""begins the reason with which `deployctl rollback` ends a run that was left unfinished"""
NOT_ORDERED = frozenset({"no-space", "no-run"})
"""of what arm.sh fails with: the order was not given"""
Held = Literal["running", "stopped", "absent"]
"""how a service was before"""


@dataclass(frozen=True)
class JobService:
    """What the job must know of a service. Identities are those of the plan."""

    name: str
    scale: int
    container_ids: tuple[str, ...]
    image_id: str
    image_ref: str
    config_hashes: tuple[str, ...]
    held: Held


@dataclass(frozen=True)
class JobSpec:
    run_id: str
    state_dir: str
    state_group: str
    docker: tuple[str, ...]
    compose_words: tuple[str, ...]
    up_words: tuple[str, ...]
    project: str
    services: tuple[str, ...]
    live_after: str
    lock_wait: int
    budget: float
    """seconds from arming to the confirmation, at most"""
    about: Mapping[str, Any]
    journal: Mapping[str, str | None] = field(default_factory=dict)
    """what the host's journal tells of the run: nothing of persons"""
    guard: Guard = "none"
    public: tuple[str, ...] = ()
    engine: str = ""
    """which Docker it was when the plan was made; its `engine_mark`"""
    running: tuple[str, ...] = ()
    """the project's containers that ran then, the oldest first"""
    forward: bool = False
    """a rollback that was asked for: the host finishes it, and never undoes it"""
    proves: bool = False
    """it only holds the lock, while what serves is proven: no run of its own in the history"""

    @property
    def run(self) -> str:
        return f"{self.state_dir}/runs/{self.run_id}"


class SwapRefusedError(Exception):
    """The job would not begin: nothing was changed."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class SwapFailedError(Exception):
    """The swap began and did not end well: it has to be rolled back."""


@dataclass(frozen=True)
class RollbackOutcome:
    """How the job's rollback ended: a state of ENDS, or unknown.

    `confirmed`: a rollback that was asked for was finished; `kept`: an unsafe step has run.
    """

    state: str
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Job:
    def __init__(
        self,
        link: Link,
        run: str,
        group: str,
        listen: Callable[[JobEvent], None],
        *,
        seen: int = 0,
    ) -> None:
        """`run` is the run's directory on the host, `seen` the lines of its log known already."""
        self._link = link
        self.run = run
        self._group = group
        self._listen = listen
        self._line = JobLine(link, run, seen)
        self._started = False
        self._budget = 0.0
        self._services = 1
        self.state = ""
        self.phase = ""
        """what the client is about, for whoever asks who holds the lock"""
        self._read_back = ""

    def start(self, spec: JobSpec) -> None:
        """Starts the job and waits until it holds the lock. Raises LockedError."""
        self._budget = spec.budget + SLACK
        conversation = self._link.host.open(
            "start",
            {
                "RUN": self.run,
                "STATE_GROUP": self._group,
                "ABOUT": json.dumps(spec.about, sort_keys=True),
                "SETTINGS": settings_text(spec),
                "PROGRAM": f"{program_text('lib')}\n{program_text('job')}",
                "BOOT": program_text("boot"),
            },
        )
        try:
            conversation.first(EXCHANGE_TIMEOUT)
        except ProgramFailed as failure:
            raise UntouchedError(
                f"The run could not be started on the host: {failure.kind}: {failure.message}.",
                next_step="Free space in the state directory, or check its owner: deployctl doctor",
            ) from failure
        self._started = True
        self._line.begin(conversation, lambda: self.phase)
        event = self._wait({"locked", "locked-by-us"}, spec.lock_wait + EXCHANGE_TIMEOUT)
        if event.kind == "locked":
            raise LockedError(
                f"Another rollout is running: {describe_holder(read_about(event.text))}.",
                next_step="Wait for it (--lock-wait 5m), or look at it: deployctl status",
            )

    def stage(
        self,
        services: Sequence[JobService],
        edits: Sequence[Edit],
        dry_run: str,
        pin: Callable[[str], str],
    ) -> None:
        """Puts files and tables into the run's directory; changes nothing else."""
        self._services = max(1, len(services))
        params = {
            "RUN": self.run,
            "STATE_GROUP": self._group,
            "SERVICES_TABLE": services_table(services, pin),
            "EDITS_TABLE": edits_table(edits),
            "DRY_RUN": dry_run,
            "EDITS": str(len(edits)),
        }
        for number, edit in enumerate(edits, 1):
            params[f"EDIT_{number}"] = edit.after.decode("utf-8", "surrogateescape")
            params[f"EDIT_{number}_SHA"] = edit.after_sha256
            mended = b"" if edit.found is None else edit.before
            params[f"EDIT_{number}_MENDED"] = mended.decode("utf-8", "surrogateescape")
        self._put("stage", params)

    def _put(self, program: str, params: Mapping[str, str]) -> None:
        try:
            self._link.host.run(program, params, timeout=EXCHANGE_TIMEOUT)
        except ProgramFailed as failure:
            if program == "arm" and failure.kind not in NOT_ORDERED:
                raise  # it may have been ordered: the host has to be asked
            raise UntouchedError(
                f"The swap could not be staged on the host: {failure.kind}: {failure.message}.",
                next_step="Free space in the state directory and run the command again.",
            ) from failure

    def backup(self) -> None:
        """Keeps what a rollback needs and renders both files. Raises SwapRefusedError."""
        self._do("backup", 2 * STEP_TIMEOUT)

    def arm(self, records: Sequence[ReleaseRecord]) -> None:
        """From here on the host rolls back by itself unless it is told otherwise in time.

        `records` are published by the confirmation. Raises SwapRefusedError when the host is no
        longer what was planned for, UntouchedError when they can't be kept there.
        """
        params = {"RUN": self.run, "STATE_GROUP": self._group, "RELEASES": str(len(records))}
        for number, record in enumerate(records, 1):
            params[f"RELEASE_{number}"] = write_record(record)
            params[f"RELEASE_{number}_NAME"] = record.number
        self._line.stay(self._budget + EXCHANGE_TIMEOUT)
        self._put("arm", params)
        self._until_done("arm", STEP_TIMEOUT)

    def swap(self) -> None:
        """Raises SwapFailedError: the swap began, and has to be rolled back."""
        try:
            self._do("swap", self._services * (STEP_TIMEOUT + 10))
        except SwapRefusedError as error:
            raise SwapFailedError(str(error)) from error

    def _do(self, order: str, seconds: float, argument: str = "") -> None:
        self._line.order(f"{order} {argument}".strip())
        self._until_done(order, seconds)

    def _until_done(self, order: str, seconds: float) -> None:
        until = self._line.now() + seconds + EXCHANGE_TIMEOUT
        trouble: JobEvent | None = None
        while True:
            try:
                event = self._wait(
                    {"done", "not-done", "refused", "failed"}, until - self._line.now()
                )
            except JobGoneError:
                # Said once; whoever has it put back has to know as well.
                self._line.say_again(JobEvent(0.0, "gone"))
                raise
            except TimeoutError:
                raise TimeoutError(
                    f"the host's job did not end `{order}` within {seconds:.0f} s"
                ) from None
            if event.kind == "done" and event.fields[:1] == (order,):
                return
            if event.kind in {"refused", "failed"}:
                trouble = event
            elif event.kind == "not-done" and event.fields[:1] == (order,):
                fields = trouble.fields if trouble else ("unknown", "the host did not say why")
                if trouble is not None and trouble.kind == "failed":
                    raise SwapFailedError(": ".join(fields))
                raise SwapRefusedError(fields[0], ": ".join(fields[1:]))

    def declare_unsafe(self, step: str) -> None:
        """The host itself will not roll back any more. Raises SwapFailedError, TimeoutError."""
        self._do("unsafe", EXCHANGE_TIMEOUT, one_line(step))

    def rollback(self, reason: str) -> RollbackOutcome:
        """Orders the rollback and follows it to its end; `unknown` when the link stays lost."""
        failures: list[str] = []
        notes: list[str] = []
        until = self._line.now() + self.longest_rollback
        try:
            self._line.order(f"rollback {one_line(reason)}")
            self._follow(reason, until, failures, notes)
        except (UnreachableError, ProgramFailed, TimeoutError, OSError) as error:
            return RollbackOutcome("unknown", (*failures, str(error)), tuple(notes))
        return RollbackOutcome(self.state, tuple(failures), tuple(notes))

    @property
    def longest_rollback(self) -> float:
        """Seconds that a rollback is waited for, without those in which there is no link."""
        return (4.0 * self._services + 1) * (STEP_TIMEOUT + 10)

    def _follow(self, reason: str, until: float, failures: list[str], notes: list[str]) -> None:
        revived = False
        while self.state not in ENDS:
            try:
                event = self._wait({"state", "failed", "note", "end"}, until - self._line.now())
            except JobGoneError:
                if revived:
                    raise
                # The program that would roll back has died: start it again, once.
                revived = True
                self._link.host.run(
                    "resume",
                    {"RUN": self.run, "STATE_GROUP": self._group, "REASON": one_line(reason)},
                    timeout=EXCHANGE_TIMEOUT,
                )
                self._line.attach()
                continue
            if event.kind == "failed":
                failures.append(event.text)
            elif event.kind == "note":
                notes.append(event.text)
            elif event.kind == "state" and event.fields and event.fields[0].startswith("kept"):
                failures.append(event.fields[0].removeprefix("kept "))

    def attend(self, seconds: float) -> str:
        """Follows the run to its end, ordering nothing. The last state that was heard of.

        A job that was killed is given time to be taken over on the host. Raises TimeoutError,
        UnreachableError, ProgramFailed.
        """
        until = self._line.now() + seconds
        self._line.attach()
        for _ in range(TAKEN_OVER):
            with suppress(JobGoneError):
                while self.state not in ENDS:
                    self._wait({"state", "end"}, until - self._line.now())
                break
            time.sleep(1.0)
            self._line.attach()
        return self.state

    def confirm(self, fresh: Host, by: str = "") -> None:
        """Confirms over a fresh connection, which it closes, and reads the state back.

        `by`: who does, where it is not the run's own client.
        Raises ConfirmError when the host does not say `confirmed`.
        """
        try:
            answer = fresh.run(
                "confirm",
                {"RUN": self.run, "STATE_GROUP": self._group, "BY": one_line(by)},
                timeout=EXCHANGE_TIMEOUT,
            )
        finally:
            fresh.close()
        self._read_back = answer.text("state", "").strip()
        if self._read_back == UNPROVEN:
            raise ConfirmError("the host had to bring the run to its end by itself meanwhile")
        if self._read_back != "confirmed":
            raise ConfirmError(
                f"the host says {self._read_back or 'nothing'!r} instead of confirmed"
            )
        self.state = "confirmed"
        self._line.stay(0.0)

    def stop_waiting(self) -> None:
        """Whatever thread waits for the job's word gets a JobGoneError instead."""
        self._line.say_again(JobEvent(0.0, "given-up"))

    def release(self) -> None:
        """Gives the lock back; nothing was changed."""
        if not self._started or self.gone:
            return
        try:
            self._line.order("release")
            self._wait({"end"}, EXCHANGE_TIMEOUT)
        except (UnreachableError, ProgramFailed, TimeoutError, OSError):
            return  # the job notices by itself that its client has gone

    def abandon(self) -> str:
        """Keeps what was swapped, although it was not proven: a rollback finishes forward.

        Returns the state that the host ended in, or `unknown`. Never raises.
        """
        reason = "the gates did not hold"
        with suppress(UnreachableError, ProgramFailed, TimeoutError, OSError):
            self._line.order(f"rollback {reason}")
            until = self._line.now() + self._services * (STEP_TIMEOUT + 10) + EXCHANGE_TIMEOUT
            self._follow(reason, until, [], [])
            return self.state
        return "unknown"

    def lives(self) -> bool:
        """Whether the job is there; the host is asked if the line to it was lost.

        Raises UnreachableError, ProgramFailed.
        """
        return self._line.lives()

    @property
    def gone(self) -> bool:
        """Whether the job is known to have ended."""
        return self._line.gone

    @property
    def end(self) -> str:
        """The state in which it ended, with its reason, as far as that was heard."""
        return self._line.state

    @property
    def away(self) -> bool:
        """Whether its client was silent for so long that other commands could take it for gone."""
        return self._line.away

    @property
    def unproven(self) -> bool:
        """Whether the host finished a rollback by itself, as far as that was heard."""
        return UNPROVEN in (self._read_back, self._line.state)

    @property
    def gave_up(self) -> bool:
        """Whether it ended because it had not heard of this client for too long."""
        return self._line.state == GAVE_UP

    def close(self) -> None:
        self._line.close()

    def _wait(self, kinds: set[str], timeout: float) -> JobEvent:
        """The next event of one of `kinds`. TimeoutError, UnreachableError, ProgramFailed."""
        until = self._line.now() + timeout
        while True:
            event = self._line.next(until - self._line.now())
            if event is None:
                raise TimeoutError(f"the host's job said nothing of {', '.join(sorted(kinds))}")
            if event.kind == "state":
                self.state = (event.fields[0] if event.fields else "").split(" ")[0]
            self._listen(event)
            if event.kind in kinds:
                return event
            if event.kind in {"gone", "end", "given-up"}:
                raise JobGoneError(f"The host's job ended in the state {self.state!r}.")


class ConfirmError(Exception):
    """The host did not accept, or did not read back, the confirmation."""


def ended_by(state: str) -> str:
    """Who ended a run from another command, by its state and reason; empty for nobody."""
    _, _, reason = state.partition(" ")
    return reason.removeprefix(ENDED_BY) if reason.startswith(ENDED_BY) else ""


def resume(
    link: Link, run: str, state_group: str, reason: str, listen: Callable[[JobEvent], None]
) -> RollbackOutcome:
    """Finishes a run that lost its client, and its job if that died as well."""
    answer = link.host.run(
        "resume",
        {"RUN": run, "STATE_GROUP": state_group, "REASON": one_line(reason)},
        timeout=EXCHANGE_TIMEOUT,
    )
    with understood("resume"):
        seen = int(answer.text("lines", "0") or 0)
    job = Job(link, run, state_group, listen, seen=seen)
    try:
        return job.rollback(reason)
    finally:
        job.close()


def settings_text(spec: JobSpec) -> str:
    """The job's variables as shell assignments."""
    values = {
        "DOCKER": "\n".join(spec.docker),
        "COMPOSE_WORDS": "\n".join(spec.compose_words),
        "UP_WORDS": "\n".join(spec.up_words),
        "STATE_DIR": spec.state_dir,
        "STATE_GROUP": spec.state_group,
        "PROJECT": spec.project,
        "SERVICES": "\n".join(spec.services),
        "LIVE_AFTER": spec.live_after,
        "BY": one_line(str(spec.about.get("by", ""))),
        "LOCK_WAIT": str(spec.lock_wait),
        "BUDGET": str(int(spec.budget) + SLACK),
        "STEP_TIMEOUT": str(STEP_TIMEOUT),
        "DIES_AFTER": str(CLIENT_GONE_AFTER),
        "PUBLIC": "\n".join(spec.public),
        "FORWARD": "1" if spec.forward else "0",
        "PROVES": "1" if spec.proves else "0",
        "GUARD": spec.guard,
        "ENGINE": spec.engine,
        "RUNNING": "\n".join(spec.running),
        "JOURNAL": "".join(f',"{name}":{json.dumps(told)}' for name, told in spec.journal.items()),
    }
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def services_table(services: Sequence[JobService], pin: Callable[[str], str]) -> str:
    return "\n".join(
        "\t".join(
            (
                service.name,
                str(service.scale),
                ",".join(sorted(service.container_ids)) or "-",
                service.image_id or "-",
                service.image_ref or "-",
                pin(service.name) if service.image_id else "-",
                ",".join(service.config_hashes) or "-",
                service.held,
            )
        )
        for service in services
    )


def edits_table(edits: Sequence[Edit]) -> str:
    return "\n".join(
        "\t".join(
            (
                str(number),
                edit.before_sha256,
                edit.after_sha256,
                edit.old_literal or "-",
                edit.image,
                edit.named,
                edit.path,
                edit.found_sha256,
            )
        )
        for number, edit in enumerate(edits, 1)
    )


def describe_holder(about: Mapping[str, Any]) -> str:
    if not about:
        return "who holds the lock is not recorded"
    return (
        f"{describe_run(about)} since {about.get('at', '?')}, run {about.get('runId', '?')}"
        f"{_phase(about)}"
    )


def describe_run(about: Mapping[str, Any]) -> str:
    """What it is to do, and whose it is: `hotfix d73cfb1 by ann`."""
    command, goal = about.get("command", "a run"), about.get("revision")
    if command == "rollback" and (to := goal or about.get("release")):
        goal = f"to {to}"
    return " ".join(filter(None, (command, goal, "by", about.get("by", "?"))))


def _phase(about: Mapping[str, Any]) -> str:
    return f", in {about['phase']}" if about.get("phase") else ""


def one_line(text: str) -> str:
    """Text that fits a line of the job's protocol."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
