"""The way to the host, begun before anybody needs it: connecting and loading wait for each other's
processor, but not for each other's network."""

from concurrent.futures import Future

from deployctl.config.settings import HostSettings
from deployctl.host.link import Link
from deployctl.rollout.address import host_address
from deployctl.rollout.aside import aside


def reach(settings: HostSettings) -> "Future[Link]":
    """Starts connecting. `result()` is the link, or raises as `Link` and `host_address` do."""
    return aside(lambda: Link(host_address(settings)))
