"""Settings of the edge: a proxy of the project's own, before both colours of a service."""

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from deployctl.config import references
from deployctl.config.durations import PositiveDuration
from deployctl.config.fields import HostPath, LocalPath, ServiceName, Text
from deployctl.config.section import Section

SMALLEST_PREFIX: Final = 28


def _pinned(text: str) -> str:
    tagged = ":" in text.rsplit("/", 1)[-1].partition("@")[0]
    if not references.is_reference(text) or not (tagged or "@" in text):
        raise ValueError("expected an image with its tag or digest, such as haproxy:2.8.10")
    if text.endswith(":latest"):
        raise ValueError("expected a pinned image: `latest` is another one tomorrow")
    return text


def _roomy(network: IPv4Network) -> IPv4Network:
    if network.prefixlen > SMALLEST_PREFIX or not network.is_private:
        raise ValueError("expected a private IPv4 network of at least 16 addresses (/28)")
    return network


class EdgeSettings(Section):
    """An HAProxy that has the service's published ports, with both colours behind it."""

    service: ServiceName | None = None
    """The service; needed where the target has several."""
    image: Annotated[str, AfterValidator(_pinned)] = "haproxy:2.8.10"
    """Its image, with a tag or a digest."""
    subnet: Annotated[IPv4Network, AfterValidator(_roomy)] = IPv4Network("172.30.77.0/24")
    """A private network of its own, in which edge and colours have fixed addresses."""
    directory: HostPath | None = None
    """Where its configuration lies on the host; by default `edge/SERVICE` beside the Compose
    file."""
    template: LocalPath | None = None
    """A template of yours for its configuration, a file here; by default deployctl's own."""
    modes: dict[str, Literal["http", "tcp"]] = Field(default_factory=dict)
    """What is spoken on a port of the container, by its number; by default HTTP."""
    shared: tuple[Text, ...] = ()
    """Volumes, by source or by path in the container, that two containers may write at once."""
    drain: PositiveDuration = 60.0
    """How long requests in flight may go on after a switch."""
