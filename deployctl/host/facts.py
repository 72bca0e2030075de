"""What the host says about its containers, as values.

The fields come from `docker inspect`, taken through a template that leaves the values of the
environment on the host (see `programs/lib.sh`).
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class PublishedPort:
    """One `HOST_IP:HOST_PORT -> CONTAINER_PORT/PROTO` mapping; `host_ip` may be an IPv6 literal.

    `fixed`: the host's port was asked for by its number, not chosen by Docker.
    """

    container_port: int
    protocol: str
    host_ip: str
    host_port: int
    fixed: bool = True


@dataclass(frozen=True)
class ContainerState:
    """One container of a Compose project, at one moment."""

    id: str
    name: str
    service: str
    image_id: str
    image_ref: str
    status: str
    """created, running, paused, restarting, removing, exited or dead"""
    started_at: datetime | None
    exit_code: int
    restart_count: int
    oom_killed: bool
    health: str
    """none, starting, healthy or unhealthy"""
    health_log: tuple[str, ...] = ()
    config_hash: str = ""
    network_mode: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    """network name -> the container's address on it"""
    ports: tuple[PublishedPort, ...] = ()
    restart_policy: str = ""
    created_at: datetime | None = None
    error: str = ""
    """Docker's own message when the container could not be started"""
