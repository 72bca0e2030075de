"""What `lab status` answers."""

from typing import Literal

from deployctl.result import SCHEMA_VERSION, Document


class LabHost(Document):
    """One host, and everything that is needed to log in to it."""

    target: str
    address: str
    port: int
    user: str
    key_file: str
    known_hosts_file: str
    container: str
    running: bool


class LabEntry(Document):
    """One lab; its target is the first host's."""

    name: str
    target: str
    repository: str
    hosts: tuple[LabHost, ...]


class Labs(Document):
    """All labs of this person on this machine."""

    schema_version: int = SCHEMA_VERSION
    command: str = "lab status"
    result: Literal["ok"] = "ok"
    exit_code: int = 0
    labs: tuple[LabEntry, ...] = ()


def labs_text(document: Document) -> list[str]:
    """The labs in lines for people."""
    found = Labs.model_validate(document.model_dump())
    lines = []
    for lab in found.labs:
        lines.append(f"{lab.name}  {lab.repository}")
        for host in lab.hosts:
            power = "running" if host.running else "off"
            lines.append(f"  {host.target}  {host.user}@{host.address}:{host.port}  {power}")
    return lines or ["No labs. Next: deployctl lab up"]
