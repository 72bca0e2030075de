"""Labs: bring one up, look at it, take it down."""

import functools
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deployctl.errors import UsageError
from deployctl.lab import flavours, machine, sample, state, template
from deployctl.lab.docker import LABEL, PREFIX, LabError, docker, listing, require_engine, succeeds
from deployctl.lab.machine import PORT_LABEL, Host
from deployctl.lab.report import HostStatus, LabStatus
from deployctl.lab.state import HostRecord, LabRecord

DEFAULT = "lab"
_FIRST_PORT = 2221
_LAST_PORT = 2999

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


@dataclass
class Lab:
    """A lab and its hosts.

    >>> lab = Lab("rehearsal").up(hosts=2)   # doctest: +SKIP
    >>> lab.hosts[0].exec(["docker", "ps"])  # doctest: +SKIP
    >>> lab.down()                           # doctest: +SKIP
    """

    name: str = DEFAULT
    say: Say = field(default=_silent, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.name) or self.name == "template":
            raise UsageError(
                f"{self.name!r} can't be the name of a lab.",
                next_step="Use lower-case letters, digits and hyphens, such as: rehearsal-2",
            )

    @property
    def record(self) -> LabRecord:
        """What is recorded of it; an unknown lab is a usage error."""
        record = state.load(self.name)
        if record is None:
            raise UsageError(
                f"There is no lab named {self.name}.",
                next_step=f"deployctl lab up --name {self.name}",
            )
        return record

    @property
    def hosts(self) -> list[Host]:
        """Its hosts, in order."""
        return [
            Host(record, functools.partial(self.rebuild, record.number))
            for record in self.record.hosts
        ]

    def up(self, hosts: int = 1, disk: str | None = None, flavour: str = "") -> "Lab":
        """Bring the lab up with at least that many hosts; start those that are off.

        New hosts get a disk of the given size for their Docker data, such as "1500m", if it is
        given; such a disk forgets everything when the host is switched off. `flavour` names one of
        `flavours.FLAVOURS`, which new hosts are made into. Raises UsageError for a lab whose hosts
        are of another one.
        """
        if flavour:
            flavours.named(flavour)
        require_engine()
        with state.exclusively():
            prepared = template.prepare(self.say)
            record = state.load(self.name) or begin(self.name)
            known = len(record.hosts)
            _refuse_another(record, flavour)
            for number in range(known + 1, hosts + 1):
                record.hosts.append(replace(_reserve(self.name, number), flavour=flavour))
                record.save()
                self._create(record.hosts[-1], prepared, disk)
        self.say(f"starting {self.name}: {prepared.bases()}")
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda h: self._start(h, prepared), record.hosts):
                pass
        _pin(record)
        for host in record.hosts:
            self.say(f"target {host.target}: {state.write_target(record, host)}")
        return self

    def down(self) -> None:
        """Remove the lab: containers, volumes, keys, repository and target files."""
        require_engine()
        found = state.load(self.name)
        label = f"--filter=label={LABEL}={self.name}"
        containers = listing("ps", "--all", "--quiet", label)
        volumes = listing("volume", "ls", "--quiet", label)
        if found is None and not containers and not volumes:
            raise UsageError(
                f"There is no lab named {self.name}.", next_step="deployctl lab status"
            )
        if containers:
            docker("rm", "--force", "--volumes", *containers, doing="Removing hosts", timeout=120)
        if volumes:
            docker("volume", "rm", "--force", *volumes, doing="Removing volumes", timeout=120)
        (found or LabRecord(self.name)).forget()

    def status(self) -> LabStatus:
        """The lab as data, for scripts."""
        record = self.record
        hosts = tuple(
            HostStatus(
                target=host.target,
                address=host.address,
                port=host.port,
                user=host.user,
                key_file=str(record.key_file),
                known_hosts_file=str(record.known_hosts),
                container=host.container,
                running=_is_running(host),
            )
            for host in record.hosts
        )
        return LabStatus(
            name=record.name,
            target=state.target_name(record.name, 1),
            repository=str(record.repository),
            hosts=hosts,
        )

    def rebuild(self, number: int = 1) -> None:
        """Throw one host away and make it anew from the template, with the same port."""
        record = self.record
        host = record.hosts[number - 1]
        with state.exclusively():
            prepared = template.prepare(self.say)
        template.discard(host.container)
        self._create(host, prepared, None)
        self._start(host, prepared)
        _pin(record)

    def _create(self, host: HostRecord, prepared: template.Template, disk: str | None) -> None:
        machine.create(
            host.container, lab=self.name, image=prepared.image, port=host.port, disk=disk
        )

    def _start(self, record: HostRecord, prepared: template.Template) -> None:
        host = Host(record)
        fresh = host.never_ran()
        if fresh:
            volume, image = prepared.volume, prepared.image
            with machine.filled(record.container, volume, lab=self.name, image=image):
                host.start()
        elif not host.running():
            host.start()
        host.accept_key(self.record.key_file.with_suffix(".pub").read_text())
        if fresh or not record.flavour:
            host.serve()
        if fresh and record.flavour:
            host.become(flavours.named(record.flavour))


def all_labs() -> list[Lab]:
    """Every lab of this person on this machine."""
    return [Lab(record.name) for record in state.load_all()]


def begin(name: str) -> LabRecord:
    """Make a lab's key and repository; it has no hosts yet."""
    record = LabRecord(name)
    record.folder.mkdir(parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    record.key_file.touch(mode=0o600)
    record.key_file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    record.key_file.with_suffix(".pub").write_bytes(public + b" deployctl-lab\n")
    if not record.repository.exists():
        sample.create(record.repository)
    return record


def _reserve(lab: str, number: int) -> HostRecord:
    """A place for one more host: a port that no lab has and nobody listens on."""
    taken = listing(
        "ps", "--all", f"--filter=label={LABEL}", f'--format={{{{.Label "{PORT_LABEL}"}}}}'
    )
    for port in range(_FIRST_PORT, _LAST_PORT):
        if str(port) not in taken and _is_free(port):
            name = f"{PREFIX}{lab}-{number}"
            return HostRecord(number, state.target_name(lab, number), name, port)
    raise LabError(f"No free port between {_FIRST_PORT} and {_LAST_PORT} on this machine.")


def _refuse_another(record: LabRecord, flavour: str) -> None:
    """A host keeps its flavour for life."""
    others = sorted({host.flavour or "a plain one" for host in record.hosts} - {flavour})
    if flavour and others:
        raise UsageError(
            f"The lab {record.name} is there already, as {', '.join(others)}.",
            next_step=f"deployctl lab down {record.name}, or choose another --name",
        )


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _pin(record: LabRecord) -> None:
    """Write the known_hosts file of the lab."""
    keys = [f"[{h.address}]:{h.port} {Host(h).host_key()}\n" for h in record.hosts]
    record.known_hosts.write_text("".join(keys))


def _is_running(host: HostRecord) -> bool:
    return succeeds("container", "inspect", host.container) and Host(host).running()
