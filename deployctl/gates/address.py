"""Where a service's containers listen, from Docker's facts."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from deployctl.config.gates import Via
from deployctl.gates.base import CannotObserveError
from deployctl.host.facts import ContainerState, PublishedPort


@dataclass(frozen=True)
class Place:
    """A TCP address; `host` is a name or a bare IP address (no brackets).

    `fixed`: it stays the same when the container is replaced by one of the same settings.
    """

    host: str
    port: int
    fixed: bool = field(default=False, compare=False)

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def places(
    address: str,
    service: str,
    containers: Sequence[ContainerState],
    *,
    via: Via = "host",
    client_host: str = "",
) -> tuple[Place, ...]:
    """One place for each container of the service, in their order.

    `address` is `published`, `published:CONTAINER_PORT` or `container:PORT`. Raises
    CannotObserveError, saying what to set, when there is no such place.
    """
    if not containers:
        raise CannotObserveError("fail", f"there is no container of service {service}")
    return tuple(_place(address, container, via, client_host) for container in containers)


def _place(address: str, container: ContainerState, via: Via, client_host: str) -> Place:
    if container.status != "running":
        raise CannotObserveError(
            "fail", f"container {container.name} is {container.status}, so it can't be asked"
        )
    kind, _, port = address.partition(":")
    if kind == "container":
        return Place(_container_host(container), int(port))
    return _published(container, int(port) if port else None, via, client_host)


def _container_host(container: ContainerState) -> str:
    if container.network_mode == "host":
        return "127.0.0.1"
    for _, host in sorted(container.addresses.items()):
        if host:
            return host
    raise CannotObserveError(
        "error",
        f"container {container.name} has no address of its own (network mode "
        f"{container.network_mode or 'none'}): set url",
        definite=True,
    )


def _published(container: ContainerState, wanted: int | None, via: Via, client_host: str) -> Place:
    tcp = [port for port in container.ports if port.protocol == "tcp" and port.host_port]
    numbers = sorted({port.container_port for port in tcp})
    if wanted is None and len(numbers) > 1:
        choices = ", ".join(f"published:{number}" for number in numbers)
        raise CannotObserveError(
            "error",
            f"container {container.name} publishes several ports: set address to one of {choices}",
            definite=True,
        )
    candidates = [port for port in tcp if wanted in (None, port.container_port)]
    if not candidates:
        what = "no port" if wanted is None else f"port {wanted} nowhere"
        raise CannotObserveError(
            "error",
            f"container {container.name} publishes {what}: set address to container:PORT",
            definite=True,
        )
    chosen = min(candidates, key=lambda port: (":" in port.host_ip, port.host_ip, port.host_port))
    host = _reachable(chosen, container, via, client_host)
    return Place(host, chosen.host_port, fixed=chosen.fixed)


def _reachable(port: PublishedPort, container: ContainerState, via: Via, client_host: str) -> str:
    try:
        ip = ipaddress.ip_address(port.host_ip.strip("[]") or "0.0.0.0")  # noqa: S104
    except ValueError:
        raise CannotObserveError(
            "error", f"Docker gives {port.host_ip!r} as an address of {container.name}"
        ) from None
    if via == "host":
        if ip.is_unspecified:
            return "127.0.0.1" if ip.version == 4 else "::1"
        return str(ip)
    if ip.is_loopback:
        raise CannotObserveError(
            "error",
            f"port {port.host_port} is published on the host's loopback only: use via: host",
            definite=True,
        )
    return client_host if ip.is_unspecified else str(ip)
