"""A POST to a real server on loopback, which may do anything; none of it raises or takes long."""

import contextlib
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from deployctl.notify import post as module
from deployctl.notify.post import Message, post

from .support import OK, Receiver, receiver, status


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01,) * 5)


@contextlib.contextmanager
def local_time(zone: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def send(to: Receiver, budget: float = 5.0) -> str:
    return post(Message(to.url, b'{"a": 1}', {"X-Own": "1"}), budget)


def test_the_body_and_the_headers_arrive_once() -> None:
    with receiver() as there:
        assert send(there) == ""
    [request] = there.seen
    assert request.line == "POST /hooks/T0123/a-secret-path HTTP/1.1"
    assert request.body == b'{"a": 1}'
    assert request.headers["x-own"] == "1"
    assert request.headers["user-agent"].startswith("deployctl/")


class TestItIsTriedAgain:
    @pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
    def test_after_a_status_that_passes(self, code: int) -> None:
        with receiver(status(code), OK) as there:
            assert send(there) == ""
        assert len(there.seen) == 2

    def test_after_a_connection_that_breaks_off(self) -> None:
        with receiver(b"", b"HTTP/1.1 2", OK) as there:
            assert send(there) == ""
        assert len(there.seen) == 3

    def test_after_a_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "TRY_SECONDS", 0.2)
        with receiver(lambda _: time.sleep(3), OK) as there:
            assert send(there, budget=1.5) == ""
        assert len(there.seen) == 2

    def test_not_for_ever(self) -> None:
        with receiver(status(503)) as there:
            assert send(there) == "it answered 503"
        assert len(there.seen) == 6

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 501])
    def test_not_where_it_is_of_no_use(self, code: int) -> None:
        with receiver(status(code)) as there:
            assert send(there) == f"it answered {code}"
        assert len(there.seen) == 1

    def test_no_sooner_than_it_asks_for(self) -> None:
        slept: list[float] = []
        with receiver(status(429, "Retry-After: 2"), OK) as there:
            assert post(Message(there.url, b""), 5.0, sleep=slept.append) == ""
        assert 2.0 in slept

    @pytest.mark.parametrize(
        "wish", ["3600", formatdate(time.time() + 3600, usegmt=True)], ids=["seconds", "date"]
    )
    def test_not_if_it_asks_for_longer_than_there_is(self, wish: str) -> None:
        with receiver(status(429, f"Retry-After: {wish}")) as there:
            assert send(there) == "it answered 429, and asks to wait longer than there is time"
        assert len(there.seen) == 1

    @pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Asia/Tokyo"])
    def test_by_a_date_of_the_old_form_in_utc_wherever_we_are(self, zone: str) -> None:
        slept: list[float] = []
        wish = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(time.time() + 3))
        with receiver(status(429, f"Retry-After: {wish}"), OK) as there, local_time(zone):
            assert post(Message(there.url, b""), 5.0, sleep=slept.append) == ""
        assert 1 < slept[0] <= 3

    @pytest.mark.parametrize("wish", ["soon", "-5", "9" * 400, "²", "Mon, 99 Foo 0000"])
    def test_at_once_where_its_wish_is_none(self, wish: str) -> None:
        with receiver(status(429, "Retry-After: " + wish.replace("²", "\xb2")), OK) as there:
            assert send(there) == ""


class TestTheBudget:
    def test_ends_the_tries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PAUSES", (0.3,) * 50)
        with receiver(status(503)) as there:
            began = time.monotonic()
            assert send(there, budget=0.5) == "it answered 503"
            assert time.monotonic() - began < 3
        assert len(there.seen) == 2

    def test_of_nothing_sends_nothing(self) -> None:
        with receiver() as there:
            assert send(there, budget=0.0) == "there was no time"
        assert there.seen == []

    def test_bounds_a_single_try(self) -> None:
        with receiver(lambda _: time.sleep(5)) as there:
            assert send(there, budget=0.3).startswith("no answer within 0.")

    @pytest.mark.parametrize(
        "start",
        [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "],
        ids=["status", "headers", "value"],
    )
    def test_is_not_outlived_by_who_drips(self, start: bytes) -> None:
        with receiver(lambda talk: drip(talk, start)) as there:
            began = time.monotonic()
            assert send(there, budget=0.4).startswith("no answer within 0.")
            assert time.monotonic() - began < 2

    def test_is_not_outlived_by_the_look_up_of_a_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
        began = time.monotonic()
        told = post(Message("http://chat.example.com/a-secret-path", b""), 0.3)
        assert told.startswith("no answer within 0.")
        assert time.monotonic() - began < 2


class TestARedirect:
    @pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
    def test_is_not_followed(self, code: int) -> None:
        with receiver() as other, receiver(status(code, f"Location: {other.url}")) as there:
            told = send(there)
        assert told == f"it answered with a redirect ({code}), which is not followed"
        assert other.seen == []
        assert len(there.seen) == 1


def drip(talk: socket.socket, start: bytes) -> None:
    """A byte now and then, each soon enough for a timeout of reads."""
    talk.sendall(start)
    for _ in range(60):
        time.sleep(0.05)
        talk.sendall(b"H")


def flood(talk: socket.socket) -> None:
    talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with contextlib.suppress(OSError):
        while True:
            talk.sendall(b"x" * 65536)


def many_headers(talk: socket.socket) -> None:
    talk.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n")


class TestAHostileAnswer:
    def test_without_an_end_is_not_read(self) -> None:
        with receiver(flood) as there:
            began = time.monotonic()
            assert send(there) == ""
            assert time.monotonic() - began < 5

    @pytest.mark.parametrize(
        "answer",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 999999 X\r\n\r\n",
            b"HTTP/1.1 200 " + b"x" * 200_000 + b"\r\n\r\n",
            b"\xff\xfe\x00" * 50,
            many_headers,
        ],
        ids=["ssh", "status", "long", "bytes", "headers"],
    )
    def test_is_a_reason_and_no_error(self, answer: bytes) -> None:
        with receiver(answer) as there:
            assert send(there, budget=1.0)


class TestWhatIsTold:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:1/hooks/a-secret-path",
            "https://127.0.0.1:1/hooks/a-secret-path",
            "http://nowhere.invalid/hooks/a-secret-path",
            "http://" + "a" * 300 + "/hooks/a-secret-path",
            "http://[::1]:1/a-secret-path",
            "http://\u2100.example/a-secret-path",
        ],
    )
    def test_has_nothing_of_the_address(self, url: str) -> None:
        told = post(Message(url, b""), 0.5)
        assert told
        assert "secret" not in told

    def test_nor_does_the_message_itself(self) -> None:
        message = Message("https://chat.example.com/a-secret-path", b"body", {"X": "token"})
        assert "secret" not in repr(message)
        assert "token" not in repr(message)
        assert message.place == "https://chat.example.com"

    def test_a_certificate_that_is_not_accepted_is_not_tried_again(self) -> None:
        with receiver(OK) as there:
            url = there.url.replace("http:", "https:")
            assert "TLS" in post(Message(url, b""), 2.0)
        assert len(there.seen) == 1


class TestTheEnvironment:
    def test_its_proxy_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with receiver() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            assert post(Message("http://hooks.example.com/x", b""), 2.0) == ""
        assert proxy.seen[0].line == "POST http://hooks.example.com/x HTTP/1.1"

    def test_a_netrc_takes_the_place_of_no_header(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password secret")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        with receiver() as there:
            post(Message(there.url, b"", {"Authorization": "Bearer ours"}), 2.0)
        assert there.seen[0].headers["authorization"] == "Bearer ours"
