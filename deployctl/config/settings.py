"""The settings of one target, complete and checked.

The docstrings of the fields are the descriptions in the JSON Schema, which editors show.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from deployctl.config.address import split_address
from deployctl.config.approval import ApprovalField, typed
from deployctl.config.durations import Duration, PositiveDuration
from deployctl.config.edge import EdgeSettings
from deployctl.config.faults import MeasureError
from deployctl.config.fields import (
    BuildArgument,
    DockerCommand,
    DockerfilePath,
    EnvName,
    GateName,
    HostKey,
    HostPath,
    HttpPath,
    ImageName,
    LocalPath,
    Platform,
    Port,
    ProjectName,
    ReleaseCount,
    RepositoryPath,
    SecretId,
    ServiceName,
    StageName,
    TargetName,
    Text,
    UnixName,
)
from deployctl.config.gates import Address, AnyGateSettings, GateSettings, Headers
from deployctl.config.notify import NoticeSettings
from deployctl.config.section import Section
from deployctl.config.sizes import Size


def _unique(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(items)) != len(items):
        raise ValueError("expected each item once")
    return items


def _at_least_one(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items:
        raise ValueError("expected at least one item")
    return items


class SecretSource(Section):
    """Where a build secret comes from: one of `env` and `file`."""

    env: EnvName | None = None
    """The environment variable, on this machine, that holds the secret."""
    file: LocalPath | None = None
    """The file, on this machine, that holds the secret."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("expected exactly one of env and file")
        return self


class SourceSettings(Section):
    """What of the commit is shipped, and how its image is built on the host."""

    path: RepositoryPath = "."
    """The directory of the repository that is the build context; nothing else is shipped."""
    dockerfile: DockerfilePath = "Dockerfile"
    """The Dockerfile, seen from `path`; `../` leads to one elsewhere in the repository."""
    stage: StageName | None = None
    """The stage of the Dockerfile to build (`docker build --target`); by default the last."""
    build_args: dict[EnvName, BuildArgument] = Field(default_factory=dict)
    """Build arguments. They are kept in the image's history: no secrets here."""
    secrets: dict[SecretId, SecretSource] = Field(default_factory=dict)
    """BuildKit secrets by ID; they travel by standard input and never enter an image."""
    platform: Platform | None = None
    """The platform to build for; by default the host's own."""
    lfs: Literal["include", "refuse"] = "include"
    """Whether the clone's Git LFS content is shipped, or a commit that has any is refused."""
    submodules: bool = True
    """Whether the content of submodules is shipped."""


class ComposeSettings(Section):
    """What the live container's labels would say; set it only where they are wrong or missing."""

    project: ProjectName | None = None
    """The Compose project's name (`docker compose -p`)."""
    directory: HostPath | None = None
    """The project directory on the host; by default that of the first file."""
    files: Annotated[
        tuple[HostPath, ...] | None, AfterValidator(lambda files: files and _unique(files))
    ] = Field(default=None, min_length=1)
    """The Compose files on the host, in the order of `-f`."""
    template: Text | None = None
    """A template that a broken file can be made from again: one that deployctl brings, or a file
    here."""
    values: dict[EnvName, Text] = Field(default_factory=dict)
    """The template's values."""
    base: RepositoryPath | None = None
    """The commit's own Compose file, seen from `source.path`; by default one of the usual names. A
    broken file is compared with it, and replaced by it where that is provably the same."""


class RolloutSettings(Section):
    """How a release becomes the running one, and how long each part may take."""

    strategy: Literal["recreate"] = "recreate"
    """`recreate`: Compose replaces the service's container; the outage is measured."""
    min_healthy: Duration = 10.0
    """How long every gate must hold without a break before the release counts as good."""
    deadline: PositiveDuration = 120.0
    """How long after the switch the gates may take to hold for `min_healthy`.

    Where it isn't set, it is longer if Prometheus scrapes its target too rarely for that.
    """
    build_timeout: PositiveDuration = 900.0
    """How long the build may take."""
    ship_timeout: PositiveDuration = 900.0
    """How long sending the source to the host may take."""

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Self:
        if self.min_healthy >= self.deadline:
            raise ValueError("expected a deadline longer than min_healthy, or no gate can hold")
        return self


class SigningSettings(Section):
    """The SSH key that signs the seals; by default the one with which the run logged in."""

    key_file: LocalPath | None = None
    """The private key's file; if it has a passphrase, the agent must hold the key."""
    key_env: EnvName | None = None
    """The environment variable that holds the private key's text, for CI."""
    agent: Text | None = None
    """The agent's key, by its fingerprint (`SHA256:…`) or its comment."""
    required: bool = False
    """Whether a run that can't be signed is refused, and one that wasn't in the end is 73."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if sum(each is not None for each in (self.key_file, self.key_env, self.agent)) > 1:
            raise ValueError("expected one of key_file, key_env and agent")
        return self


class RetentionSettings(Section):
    """What stays of earlier releases. What goes, goes after a hotfix that was confirmed."""

    keep: ReleaseCount = 5
    """How many releases stay on the host, with image and Compose file; at least 2.

    The live one and the one before are always among them.
    """
    evidence: Literal["releases", "all"] = "releases"
    """Which evidence stays on this machine: that of the kept releases and of all runs since the
    oldest of them, or all of it."""
    build_cache: Size | None = None
    """How much of the host's build cache may stay, least recently used first.

    It is the engine's: all who build there share it. By default it isn't touched.
    """


class AvailabilitySettings(Section):
    """The endpoint that is asked many times a second, to measure the outage."""

    path: HttpPath
    """The path that is asked; a refusal, a timeout or a 5xx counts as a failure."""
    address: Address = "published"
    """Where it is asked: `published`, `published:CONTAINER_PORT` or `container:PORT`."""
    scheme: Literal["http", "https"] = "http"
    """The certificate of https isn't checked here; that is a gate's matter."""
    headers: Headers = Field(default_factory=dict)
    """Headers to send, such as Host."""
    interval: PositiveDuration = 0.025
    """The time between two questions, which is also the resolution of the answer."""
    timeout: PositiveDuration = 2.0
    """How long one answer may take."""
    service: ServiceName | None = None
    """The service that is asked; by default the first of `services`."""

    @field_validator("interval")
    @classmethod
    def _bearable(cls, interval: float) -> float:
        if not 0.005 <= interval <= 60:
            raise MeasureError("expected an interval from 5ms to 60s")
        return interval


class HostSettings(Section):
    """How the host is reached. In the file these stand in the target itself."""

    host: str
    """A name, an address, an alias of ~/.ssh/config, `user@host`, `host:port`, `[::1]:2222`."""
    port: Port | None = None
    """The SSH port; by default that of ~/.ssh/config, else 22."""
    user: UnixName | None = None
    """The user to log in as; by default that of ~/.ssh/config, else your own name."""
    key_file: LocalPath | None = None
    """The private key; by default your agent and ~/.ssh/config decide."""
    key_env: EnvName | None = None
    """The environment variable that holds the private key's text, for CI; goes before key_file."""
    known_hosts: LocalPath | None = None
    """The known_hosts file to check the host against; by default yours."""
    host_key: HostKey | None = None
    """The host's public key, pinned: `ssh-ed25519 AAAA…`. known_hosts isn't asked then."""
    connect_timeout: PositiveDuration = 10.0
    """How long connecting may take."""
    docker: DockerCommand | None = None
    """The command that runs Docker on the host; by default `docker`, else `sudo -n docker`."""
    docker_host: Text | None = None
    """DOCKER_HOST on the host, for a rootless engine: `unix:///run/user/1000/docker.sock`."""
    docker_context: StageName | None = None
    """The Docker context to use on the host."""
    state_dir: HostPath | None = None
    """Where deployctl keeps its state; by default `/var/lib/deployctl/<project>` on the host."""
    operators_group: UnixName | None = None
    """The group on the host whose members share this state; without one, a single user."""

    @model_validator(mode="before")
    @classmethod
    def _split_host(cls, data: Any) -> Any:
        """Takes user and port out of `host`; what can't be split, the field's check refuses."""
        if not isinstance(data, dict) or not isinstance(data.get("host"), str):
            return data
        try:
            address = split_address(data["host"])
        except ValueError:
            return data
        given = {"user": address.user, "port": address.port}
        named = {key: value for key, value in given.items() if value is not None}
        if any(str(data.get(key) or value) != str(value) for key, value in named.items()):
            return data
        return {**data, **named, "host": address.host}

    @field_validator("host")
    @classmethod
    def _only_a_host(cls, host: str) -> str:
        address = split_address(host)
        if address.user is not None or address.port is not None:
            raise ValueError("expected the same user and port as in `user:` and `port:`")
        return host

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if self.docker_host and self.docker_context:
            raise ValueError("expected one of docker_host and docker_context, not both")
        return self


class Settings(Section):
    """Everything that deployctl must know to roll out to one target."""

    target: TargetName
    """The target's name."""
    host: HostSettings
    """How the target's host is reached."""
    repository: LocalPath = Field(default=Path(), validate_default=True)
    """The git repository; by default the directory of this file."""
    project: ProjectName | None = None
    """The Compose project; by default the live container says."""
    image: ImageName | None = None
    """The image's name without a tag; by default that of the live container."""
    services: Annotated[
        tuple[ServiceName, ...], AfterValidator(_at_least_one), AfterValidator(_unique)
    ]
    """The Compose services that run this image. They are switched together."""
    source: SourceSettings = Field(default_factory=SourceSettings)
    compose: ComposeSettings = Field(default_factory=ComposeSettings)
    gates: dict[GateName, GateSettings] = Field(default_factory=dict)
    """What a release must prove, by name. A gate's `type` is its name where that is a type."""
    rollout: RolloutSettings = Field(default_factory=RolloutSettings)
    edge: EdgeSettings = Field(default_factory=EdgeSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    availability: AvailabilitySettings | None = None
    signing: SigningSettings = Field(default_factory=SigningSettings)
    approval: ApprovalField = Field(default_factory=typed)
    """What a rollout needs: nothing, EXECUTE typed (or --yes), or signed approvals."""
    forbid: tuple[Literal["advisory", "accept-drift", "repair", "yes"], ...] = ()
    """Options of the command line that this target doesn't accept."""
    environment: Text = Field(default="")
    """The environment's name in reports and in CI; by default the target's name."""
    language: Literal["en", "pt-BR"] = "en"
    """The language of the report, `seal.md` and `seal.html`."""
    public: tuple[EnvName, ...] = ()
    """Environment variables of the containers whose values may be shown in evidence."""
    notify: tuple[NoticeSettings, ...] = ()
    """Who is told how a run ended, after it is sealed. Nothing of it changes how it ended."""

    @field_validator("gates")
    @classmethod
    def _one_container_gate_each(
        cls, gates: dict[str, AnyGateSettings]
    ) -> dict[str, AnyGateSettings]:
        named: dict[str | None, str] = {}
        for name, gate in gates.items():
            if gate.type != "container":
                continue
            other = named.setdefault(gate.service, name)
            if other != name:
                about = f"the service {gate.service}" if gate.service else "every service"
                raise ValueError(
                    f"expected one container gate a service; {other} and {name} are both about "
                    f"{about}"
                )
        return gates
