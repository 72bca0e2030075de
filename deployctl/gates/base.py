"""What a gate is: it observes (I/O), then judges what it observed (pure)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import requests

from deployctl.config.gates import Mode, Via
from deployctl.host.facts import ContainerState

State = Literal["pass", "fail", "inconclusive", "error"]

EVIDENCE_BYTES = 64 * 1024
"""How much of a raw answer is kept as evidence; of a command's output, how much arrives at all."""


@dataclass(frozen=True)
class Judgement:
    """`observed` is what was seen, `reason` why that is no pass (or by which proof it is one).

    `definite` means that waiting can't change it: a required gate's definite failure ends a hold.
    """

    state: State
    observed: str
    reason: str = ""
    definite: bool = False


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """One raw answer, for evidence: `body` is what of it is kept, size and digest are of all of it
    that arrived. `latency` in seconds."""

    source: str
    status: str
    content_type: str
    body: bytes
    kept: str
    """`all`, or which part"""
    size_bytes: int
    sha256: str
    latency: float


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one look saw; every gate has its own subclass."""

    @property
    def raw(self) -> tuple[RawAnswer, ...]:
        return ()

    @property
    def identity(self) -> str:
        """Changes whenever what is being watched was replaced or restarted; else empty."""
        return ""


class CannotObserveError(Exception):
    """A look that ended before there was anything to judge: the verdict it leaves instead."""

    def __init__(
        self,
        state: State,
        reason: str,
        *,
        observed: str = "nothing",
        definite: bool = False,
        raw: tuple[RawAnswer, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.judgement = Judgement(state, observed, reason, definite)
        self.raw = raw


@dataclass(frozen=True)
class CommandOutcome:
    exit_code: int
    stdout: bytes
    stderr: bytes


class Socket(Protocol):
    """What a probe needs of a connection; sockets and SSH channels have it."""

    def sendall(self, data: bytes, /) -> None: ...
    def recv(self, size: int, /) -> bytes: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class GateContext:
    """How gates reach the world, and what the rollout expects to find there.

    Everything that is called raises LinkLostError when the connection to the host is gone.
    """

    http: Callable[[Via], requests.Session]
    """A new session a call: through the host, or straight from this machine."""
    dial: Callable[[Via, str, int, float], Socket]
    """(via, host, port, seconds): a new TCP connection."""
    containers: Callable[[str], tuple[ContainerState, ...]]
    """The containers of a service, looked up afresh."""
    run: Callable[[str, float], CommandOutcome]
    """(shell text, seconds): runs on the host; TimeoutError when it took too long."""
    services: tuple[str, ...]
    """The services of the rollout; the first is the default of every gate."""
    expected_images: Mapping[str, str] = field(default_factory=dict)
    """Service -> image ID that must run. A service that is missing may run anything."""
    expected_sha: str | None = None
    replicas: Mapping[str, int] = field(default_factory=dict)
    """Service -> number of containers that must run. One that is missing may have any number."""
    old_gone: bool = False
    """The containers of before were stopped before the new ones started."""
    proving: bool = False
    """A hold after a switch, as opposed to a look at how things are. Set by the runner."""
    baseline: Mapping[str, Observation] = field(default_factory=dict)
    """Gate -> what it saw before the rollout."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Where bearer_env and basic_env are looked up."""
    alive: Callable[[], bool] = lambda: True
    """Whether the connection to the host answers; asked when something has failed that it bore."""
    client_host: str = ""
    """The host's name or address as this machine reaches it, for `via: client`."""
    clean: Callable[[bytes], bytes] = bytes
    """Takes secrets of the host out of what a server answers."""


O = TypeVar("O", bound=Observation)  # noqa: E741


class Gate(ABC, Generic[O]):
    """One check. `threshold` says in one line what would be a pass."""

    name: str
    mode: Mode
    service: str
    threshold: str
    timeout: float
    interval: float

    def __init__(
        self, name: str, *, mode: Mode, service: str, timeout: float, interval: float
    ) -> None:
        self.name = name
        self.mode = mode
        self.service = service
        self.timeout = timeout
        self.interval = interval

    @abstractmethod
    def observe(self, ctx: GateContext, previous: O | None = None) -> O:
        """One look. `previous` is this gate's look before, in the same hold.

        Raises CannotObserveError; LinkLostError and what else the context raises passes through.
        """

    @abstractmethod
    def judge(self, observation: O) -> Judgement:
        """Pure: the same observation always gets the same judgement."""

    def pause(self, observation: O | None) -> float:  # noqa: ARG002
        """Seconds until another look is useful."""
        return self.interval

    def need(self, observation: O | None) -> "Need | None":  # noqa: ARG002
        """The time that a proof takes, where that isn't simply the answer's latency."""
        return None


@dataclass(frozen=True)
class Need:
    """How long a proof takes, in seconds.

    `least` is what it takes on a good day, `ample` has allowances for a bad one. `why` is a
    sentence's beginning, to go before "take N s". `notice` is how long it takes until a repair
    shows, after a failure that came after a pass.
    """

    least: float
    ample: float
    why: str
    notice: float


AnyGate = Gate[Any]
