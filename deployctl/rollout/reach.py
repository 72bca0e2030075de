"""The way to the host, begun before anybody needs it: connecting and loading wait for each other's
processor, but not for each other's network."""

from concurrent.futures import Future

from deployctl.config.settings import HostSettings
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.rollout.address import host_address
from deployctl.rollout.aside import aside


def reach(settings: HostSettings, ask: Ask = ask_nobody) -> "Future[Link]":
    """Starts connecting. `result()` is the link, or raises as `Link` and `host_address` do.

    `ask` gets the passphrase of a key; it is called in a thread of its own.
    """
    return aside(lambda: Link(host_address(settings), ask))
