"""HTTP and TCP from this machine, for gates that look from the outside."""

import socket

import requests


def session_from_here() -> requests.Session:
    """Proxies and .netrc of the environment are not used: a gate says exactly what it asks."""
    session = requests.Session()
    session.trust_env = False
    return session


def dial_from_here(host: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((host, port), timeout=timeout)
