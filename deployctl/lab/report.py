"""What is told of a lab."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HostStatus:
    """One host, and everything that is needed to log in to it."""

    target: str
    address: str
    port: int
    user: str
    key_file: str
    known_hosts_file: str
    container: str
    running: bool


@dataclass(frozen=True)
class LabStatus:
    """One lab; its target is the first host's."""

    name: str
    target: str
    repository: str
    hosts: tuple[HostStatus, ...]
