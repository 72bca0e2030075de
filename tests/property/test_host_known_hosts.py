"""known_hosts is written by people and programs of all kinds: reading it never raises."""

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from deployctl.host.known_hosts import PublicKey, about, host_name, parse

KEY = PublicKey("ssh-ed25519", b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + b"k" * 32)
hosts = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
ports = st.integers(1, 65535)


@given(text=st.text(max_size=400), host=hosts, port=ports)
def test_no_text_makes_it_raise(text: str, host: str, port: int) -> None:
    about(parse(text), host, port)


@given(host=hosts, port=ports, other=hosts)
def test_a_plain_line_speaks_of_its_host_alone(host: str, port: int, other: str) -> None:
    entries = parse(f"{host_name(host, port)} {KEY.line} comment")
    assert [entry.key for entry in about(entries, host, port)] == [KEY]
    assert bool(about(entries, other, port)) is (other == host)


@given(host=hosts, port=ports, other=hosts, salt=st.binary(min_size=20, max_size=20))
def test_a_hashed_line_says_the_same(host: str, port: int, other: str, salt: bytes) -> None:
    digest = hmac.new(salt, host_name(host, port).encode(), hashlib.sha1).digest()
    field = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
    entries = parse(f"{field} {KEY.line}")
    assert about(entries, host, port)
    assert bool(about(entries, other, port)) is (other == host)


@given(host=hosts, port=ports)
def test_a_negated_pattern_wins(host: str, port: int) -> None:
    name = host_name(host, port)
    assert not about(parse(f"*,!{name} {KEY.line}"), host, port)
    assert not about(parse(f"!{name},* {KEY.line}"), host, port)
