"""What is kept of a lab on this machine: its record, keys, repository and target files."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import yaml

from deployctl.lab import flavours

PROJECT = "techno-os"
IMAGE = "techno-os-api"


def state_home() -> Path:
    """`$XDG_STATE_HOME/deployctl`, by default under `~/.local/state`."""
    root = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(root) / "deployctl"


@dataclass
class HostRecord:
    """One host of a lab, and how it is reached."""

    number: int
    target: str
    container: str
    port: int
    address: str = "127.0.0.1"
    user: str = "deploy"
    flavour: str = ""
    """what makes it awkward; empty for a plain one"""


@dataclass
class LabRecord:
    """One lab."""

    name: str
    hosts: list[HostRecord] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where this lab's own files are."""
        return state_home() / "labs" / self.name

    @property
    def key_file(self) -> Path:
        """The private key that every user of every host of this lab accepts."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The pinned host keys."""
        return self.folder / "known_hosts"

    @property
    def repository(self) -> Path:
        """The git repository with the application's releases."""
        return self.folder / PROJECT

    def save(self) -> None:
        """Write the record, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        staged = self.folder / "lab.json.new"
        staged.write_text(json.dumps(asdict(self), indent=2) + "\n")
        staged.replace(self.folder / "lab.json")

    def forget(self) -> None:
        """Remove the lab's files and target files."""
        for target in target_files(self.name):
            target.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        for parent in (self.folder.parent, state_home() / "targets"):
            with suppress(OSError):  # others still have something there
                parent.rmdir()


def load(name: str) -> LabRecord | None:
    """The record of the lab of that name, if there is one."""
    try:
        data = json.loads((state_home() / "labs" / name / "lab.json").read_text())
    except FileNotFoundError:
        return None
    return LabRecord(name=data["name"], hosts=[HostRecord(**host) for host in data["hosts"]])


def load_all() -> list[LabRecord]:
    """Every lab recorded on this machine."""
    found = (load(path.parent.name) for path in state_home().glob("labs/*/lab.json"))
    return sorted((lab for lab in found if lab), key=lambda lab: lab.name)


def target_name(lab: str, number: int) -> str:
    """The first host has the lab's name; further ones are numbered from 2."""
    return lab if number == 1 else f"{lab}-{number}"


def target_files(lab: str) -> list[Path]:
    """The target files that belong to a lab."""
    folder = state_home() / "targets"
    numbered = [p for p in folder.glob(f"{lab}-*.yml") if p.stem[len(lab) + 1 :].isdigit()]
    return [folder / f"{lab}.yml", *numbered]


def settings(lab: LabRecord, host: HostRecord) -> dict[str, Any]:
    """The settings with which `deployctl --target NAME` deploys to that host."""
    plain = {
        "version": 1,
        "repository": str(lab.repository),
        "project": PROJECT,
        "image": IMAGE,
        "services": ["api"],
        "source": {"path": ".", "dockerfile": "Dockerfile"},
        "gates": {
            "health": {"path": "/health", "json": {"status": "ok"}},
            "metrics": {
                "path": "/metrics",
                "require": ["python_gc_objects_collected_total", "process_start_time_seconds"],
            },
            "prometheus": {"url": "http://127.0.0.1:9090", "job": IMAGE},
        },
        "availability": {"path": "/health"},
        "targets": {
            host.target: {
                "host": host.address,
                "port": host.port,
                "user": host.user,
                "key_file": str(lab.key_file),
                "known_hosts": str(lab.known_hosts),
                "environment": "lab",
                "approval": "typed",
            }
        },
    }
    if not host.flavour:
        return plain
    flavour = flavours.named(host.flavour)
    own = {"targets": {host.target: dict(flavour.target)}}
    return flavours.over(flavours.over(plain, flavour.settings), own)


def write_target(lab: LabRecord, host: HostRecord) -> Path:
    """Write the target file that `--target` finds from any directory."""
    path = state_home() / "targets" / f"{host.target}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = f"# Written by `deployctl lab up`; removed by `deployctl lab down {lab.name}`.\n"
    path.write_text(header + yaml.safe_dump(settings(lab, host), sort_keys=False))
    return path


@contextmanager
def exclusively() -> Iterator[None]:
    """One at a time: preparing images and choosing ports."""
    # the engine is shared, whatever each user's or test's state directory is
    with (Path(tempfile.gettempdir()) / f"deployctl-lab-{os.getuid()}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
