"""The items of a playbook, typed: deployctl's own stages, and the user's `run:` and `http:` steps.

What a stage leaves out, the settings say (`rollout:` in deployctl.yml).
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from deployctl.config.durations import Duration, PositiveDuration
from deployctl.config.fields import EnvName, StepName, without_nul
from deployctl.config.gates import Headers, HttpStatus, Url
from deployctl.config.section import Section

Command = str | tuple[str, ...]
"""A list of words, run as it is; or text, given to the shell."""


def _command(value: Any) -> Command:
    if isinstance(value, str) and value.strip():
        return without_nul(value)
    if isinstance(value, list | tuple) and value and value[0]:
        if all(isinstance(word, str) for word in value):
            return tuple(map(without_nul, value))
        raise ValueError("expected a list of texts; put numbers in quotes")
    raise ValueError('expected a command: words such as ["make", "warm"], or a line for the shell')


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, int) else value


_COMMAND_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
CommandField = Annotated[Any, PlainValidator(_command), WithJsonSchema(_COMMAND_SCHEMA)]


FACTS: Final = (
    "DEPLOYCTL_RUN",
    "DEPLOYCTL_TARGET",
    "DEPLOYCTL_PROJECT",
    "DEPLOYCTL_IMAGE",
    "DEPLOYCTL_SHA",
    "DEPLOYCTL_RELEASE",
    "DEPLOYCTL_RESULT",
    "DEPLOYCTL_EXIT_CODE",
    "DEPLOYCTL_REASON",
)
"""What a step is told of the run; the last three are empty until the run's end is known."""

FACT: Final = re.compile(r"\$(?:\{(DEPLOYCTL_[A-Z_]+)\}|(DEPLOYCTL_[A-Z_]+))")
"""Where a request's body wants one of FACTS put in."""

When = Literal["success", "failure", "always"]


class Params(Section):
    """A stage without parameters."""


class TimeoutParams(Params):
    """How long the stage may take."""

    timeout: PositiveDuration | None = None
    """By default what the settings say."""


class ShipParams(TimeoutParams):
    """Sending the source to the host."""


class BuildParams(TimeoutParams):
    """Building the image on the host."""


class GateParams(Params):
    """How the release must prove itself."""

    min_healthy: Duration | None = None
    """How long every gate must hold without a break; by default what the settings say."""
    deadline: PositiveDuration | None = None
    """How long after the switch that may take; by default what the settings say."""

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Self:
        if self.min_healthy and self.deadline and self.min_healthy >= self.deadline:
            raise ValueError("expected a deadline longer than min_healthy, or no gate can hold")
        return self


class RunStep(Params):
    """A command of the user's own. A failure ends the run, as a failed stage does.

    After `confirm` the release stays: there a failure is only reported.
    """

    name: StepName
    """The step's name in the plan, the output and the evidence."""
    command: CommandField
    """A list of words, or a line for the shell."""
    where: Literal["host", "client"] = "host"
    """Where it runs: on the host, or on the machine that runs deployctl."""
    timeout: PositiveDuration = 300.0
    """How long it may take."""
    env: tuple[EnvName, ...] = ()
    """Environment variables of this machine that are passed on; values never enter argv."""
    rollback: CommandField | None = None
    """What a rollback means for it: `safe`, `unsafe`, or the command that undoes it."""
    when: When = "success"
    """After `confirm`: whether the step runs at the end of a run that went well, of one that did
    not (and was approved), or of both. How the run ended, it does not change."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables whose values it is given."""
        return self.env

    def unset(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The variables that it needs and that aren't there."""
        return tuple(name for name in self.env if name not in environment)

    @property
    def undo(self) -> Command | None:
        """The command that undoes the step, where there is one."""
        return None if self.rollback in ("safe", "unsafe") else self.rollback


class HttpStep(Params):
    """A request of the user's own, such as a notification. A failure ends the run.

    After `confirm` the release stays: there a failure is only reported.
    """

    name: StepName
    """The step's name in the plan, the output and the evidence."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Url | None = None
    """The address; it is part of the plan and of the evidence."""
    url_env: EnvName | None = None
    """The environment variable that holds the address, where the address is a secret."""
    headers: Headers = Field(default_factory=dict)
    """Sent as given."""
    bearer_env: EnvName | None = None
    """The environment variable that holds a bearer token."""
    body: JsonValue = None
    """Text is sent as it is; a mapping or a list is sent as JSON."""
    expect: Annotated[
        tuple[HttpStatus, ...],
        BeforeValidator(_listed),
        WithJsonSchema(
            {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}
        ),
    ] = ()
    """The status, or statuses, that count as success; by default any from 200 to 299."""
    timeout: PositiveDuration = 30.0
    """How long the answer may take."""
    where: Literal["host", "client"] = "client"
    """Where it is sent from: the host, through the SSH connection, or this machine."""
    advisory: bool = False
    """Whether a failure is only reported."""
    when: When = "success"
    """After `confirm`: whether the request is sent at the end of a run that went well, of one that
    did not (and was approved), or of both. How the run ended, it does not change."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("expected exactly one of url and url_env")
        return self

    @field_validator("body")
    @classmethod
    def _known_facts(cls, body: JsonValue) -> JsonValue:
        for first, second in FACT.findall(json.dumps(body)):
            if (first or second) not in FACTS:
                raise ValueError(f"expected one of {', '.join(FACTS)} after $")
        return body

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables whose values it sends."""
        return tuple(name for name in (self.url_env, self.bearer_env) if name is not None)

    def unset(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The variables that it needs and that aren't there, or are empty."""
        return tuple(name for name in self.variables if not environment.get(name))

    def accepts(self, status: int) -> bool:
        return status in self.expect if self.expect else 200 <= status <= 299


PARAMS: Final[dict[str, type[Params]]] = {
    "preflight": Params,
    "capture": Params,
    "approve": Params,
    "ship": ShipParams,
    "build": BuildParams,
    "backup": Params,
    "arm": Params,
    "swap": Params,
    "gate": GateParams,
    "confirm": Params,
    "seal": Params,
}
"""deployctl's own stages in the one order that is safe, and what each can be told."""

STEPS: Final[dict[str, type[Params]]] = {"run": RunStep, "http": HttpStep}
