"""The health gate and the user's own http gate, against a real server."""

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from deployctl.config.gates import HealthGateSettings, HttpGateSettings
from deployctl.errors import LinkLostError
from deployctl.events import Events
from deployctl.gates import runner
from deployctl.gates.base import CannotObserveError, Judgement
from deployctl.gates.fetch import Request, fetch
from deployctl.gates.health import HttpGate
from deployctl.host.failures import AnswerTimeoutError, ForwardingRefused
from deployctl.host.http import tunnel_session
from deployctl.host.tunnel import TunnelSocket
from tests.unit.gates.support import (
    Answer,
    Responder,
    closed_port,
    container,
    context,
    published,
    serving,
)


def judged(responder: Responder | Answer, *, env: Any = None, **settings: Any) -> Judgement:
    with serving(responder) as server:
        gate = HttpGate("health", HealthGateSettings.model_validate(settings), "api")
        ctx = context(container(ports=(published(server.port),)), env=env or {})
        return gate.judge(gate.observe(ctx))


OK = Answer(body='{"status": "ok", "db": {"up": true}}')


class TestStatus:
    def test_the_expected_one_is_a_pass(self) -> None:
        assert judged(OK).state == "pass"

    def test_another_one_is_a_failure_that_shows_the_answer(self) -> None:
        verdict = judged(Answer(500, '{"error": "boom"}'))
        assert verdict == Judgement(
            "fail", '500, {"error": "boom"}', "status 500, expected 200", definite=False
        )

    def test_the_first_failing_replica_decides(self) -> None:
        with serving(OK) as good, serving(Answer(503)) as bad:
            gate = HttpGate("health", HealthGateSettings(), "api")
            both = [container(ports=(published(each.port),)) for each in (good, bad)]
            verdict = gate.judge(gate.observe(context(*both)))
        assert verdict.state == "fail"
        assert "1 of 2 replicas" in verdict.observed


class TestBody:
    def test_json_may_have_more_keys(self) -> None:
        assert judged(OK, json={"status": "ok"}).state == "pass"

    def test_json_differences_are_named(self) -> None:
        assert judged(OK, json={"db": {"up": False}}).reason == "db.up is true, expected false"

    def test_a_web_page_is_not_json(self) -> None:
        verdict = judged(Answer(body="<html>", content_type="text/html"), json={"status": "ok"})
        assert "not JSON (content type text/html)" in verdict.reason

    def test_text_can_be_required(self) -> None:
        assert judged(OK, contains='"up"').state == "pass"
        assert judged(OK, contains="down").state == "fail"

    def test_control_characters_do_not_reach_the_terminal(self) -> None:
        assert "\x1b" not in judged(Answer(body=b"\x1b[2J\x00hi")).observed


class TestNoAnswer:
    def test_refused(self) -> None:
        gate = HttpGate("health", HealthGateSettings(), "api")
        verdict = gate.judge(gate.observe(context(container(ports=(published(closed_port()),)))))
        assert (verdict.state, verdict.observed) == ("fail", "connection refused")

    def test_closed_without_an_answer(self) -> None:
        assert "closed without an answer" in judged(lambda _: None).observed

    def test_cut_off(self) -> None:
        raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        verdict = judged(Answer(raw=raw))
        assert (verdict.state, verdict.observed) == ("fail", "200, the answer was cut off")

    def test_larger_than_allowed(self) -> None:
        assert "larger than 1000 bytes" in judged(Answer(body="x" * 5000), max_bytes=1000).observed

    def test_in_time_tells_the_timeout_as_it_was_set(self) -> None:
        observed = judged(lambda _: time.sleep(0.6), timeout=0.3).observed
        assert observed == "no whole answer within 0.3 s"

    @pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
    def test_dripped_slowly_it_is_given_up_in_time(self, first: bytes) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(first)
            for _ in range(40):
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.05)

        began = time.monotonic()
        verdict = judged(drip, timeout=0.3)
        assert time.monotonic() - began < 1.5
        assert verdict.state == "fail"
        assert "within 0.3 s" in verdict.reason


class TestRedirects:
    def test_to_the_same_server_is_followed(self) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            if handler.path == "/health":
                return Answer(307, headers={"Location": "/health/"})
            return OK

        assert judged(answer).state == "pass"

    def test_to_the_name_in_the_host_header_is_the_same_server(self) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            if handler.path == "/health":
                return Answer(307, headers={"Location": "http://app.example/health/"})
            return OK

        assert judged(answer, headers={"Host": "app.example"}).state == "pass"

    def test_to_another_server_is_not_followed(self) -> None:
        with serving(OK) as other:
            verdict = judged(Answer(302, headers={"Location": other.url("/login?token=s3cret")}))
            assert not other.seen
        assert verdict.state == "fail"
        assert "another server" in verdict.reason
        assert "s3cret" not in verdict.reason

    def test_in_a_circle_ends(self) -> None:
        assert "redirects" in judged(Answer(302, headers={"Location": "/health"})).reason

    def test_an_expected_redirect_is_the_answer(self) -> None:
        assert judged(Answer(302, headers={"Location": "/login"}), status=302).state == "pass"


class TestIdentity:
    def test_a_bearer_token_comes_from_the_environment(self) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            return Answer(200 if handler.headers["Authorization"] == "Bearer t0ken" else 401)

        assert judged(answer, env={"TOKEN": "t0ken"}, bearer_env="TOKEN").state == "pass"
        assert judged(answer).reason == (
            "status 401, expected 200: it wants credentials (bearer_env or basic_env)"
        )
        wrong = judged(answer, env={"TOKEN": "wr0ng"}, bearer_env="TOKEN")
        assert wrong.reason == "status 401, expected 200: it refuses the token in TOKEN"

    @pytest.mark.parametrize(
        ("setting", "value", "secret"),
        [
            ("bearer_env", "t0ken-of-mine", "t0ken-of-mine"),
            ("basic_env", "me:pa55-word", "pa55-word"),
            ("basic_env", "me:pa55-word", "bWU6cGE1NS13b3Jk"),
        ],
    )
    def test_a_server_that_repeats_it_does_not_show_it(
        self, setting: str, value: str, secret: str
    ) -> None:
        """Whole or cut off: what is shown of an answer is its beginning only."""

        def echo(handler: BaseHTTPRequestHandler) -> Answer:
            given = handler.headers["Authorization"]
            return Answer(401, "x" * 100 + given + f" ({value})", content_type=given)

        with serving(echo) as server:
            settings = HealthGateSettings.model_validate({setting: "GIVEN"})
            gate = HttpGate("health", settings, "api")
            seen = gate.observe(
                context(container(ports=(published(server.port),)), env={"GIVEN": value})
            )
        told = f"{gate.judge(seen)} {seen.raw}"
        assert secret not in told
        assert secret[:6] not in told
        assert "[redacted]" in told

    def test_basic_too(self) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            return Answer(200 if handler.headers["Authorization"] == "Basic dTpw" else 401)

        assert judged(answer, env={"LOGIN": "u:p"}, basic_env="LOGIN").state == "pass"

    def test_a_missing_variable_is_an_error_at_once(self) -> None:
        with pytest.raises(CannotObserveError, match="TOKEN is not set") as caught:
            judged(OK, bearer_env="TOKEN")
        assert caught.value.judgement.state == "error"
        assert caught.value.judgement.definite

    def test_each_look_has_a_connection_of_its_own(self) -> None:
        with serving(OK) as server:
            gate = HttpGate("health", HealthGateSettings(), "api")
            gate.observe(context(container(ports=(published(server.port),))))
            assert server.seen[0][1]["Connection"] == "close"


class TestTheWayThere:
    @pytest.mark.parametrize(
        "error", [LinkLostError("gone"), AnswerTimeoutError("no session"), ForwardingRefused("no")]
    )
    def test_what_says_nothing_of_the_service_is_no_verdict(self, error: Exception) -> None:
        def dial(*_: Any) -> TunnelSocket:
            raise error

        request = Request(url="http://10.0.0.1:1/", max_bytes=9)
        with pytest.raises(type(error)):
            fetch(tunnel_session(dial), request, 5)


class TestOwnRequest:
    @pytest.mark.parametrize(
        ("status", "again"), [(307, "POST hi"), (308, "POST hi"), (302, "GET "), (303, "GET ")]
    )
    def test_a_redirect_gets_what_was_sent_and_not_what_was_answered(
        self, status: int, again: str
    ) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> Answer:
            sent = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
            if handler.path == "/x":
                return Answer(status, "<html>moved</html>", headers={"Location": "/y"})
            return Answer(body=f"{handler.command} {sent}")

        assert self.judged(answer, method="POST", body="hi", matches=f"^{again}$").state == "pass"

    def judged(self, responder: Responder | Answer, **settings: Any) -> Judgement:
        with serving(responder) as server:
            values = HttpGateSettings.model_validate({"url": server.url("/x"), **settings})
            gate = HttpGate("mine", values, "api")
            return gate.judge(gate.observe(context()))

    def test_a_url_needs_no_container(self) -> None:
        assert self.judged(OK).state == "pass"

    def test_one_of_several_statuses(self) -> None:
        assert self.judged(Answer(204), status=[200, 204]).state == "pass"

    def test_a_pattern(self) -> None:
        assert self.judged(OK, matches=r'"db": \{').state == "pass"
        assert self.judged(OK, matches="^ok").state == "fail"

    def test_a_slow_answer(self) -> None:
        def slow(_: BaseHTTPRequestHandler) -> Answer:
            time.sleep(0.1)
            return OK

        assert "expected 0.05 s or less" in self.judged(slow, max_latency=0.05).reason

    def test_a_method_and_a_body(self) -> None:
        def echo(handler: BaseHTTPRequestHandler) -> Answer:
            size = int(handler.headers["Content-Length"])
            return Answer(body=handler.command.encode() + handler.rfile.read(size))

        assert self.judged(echo, method="POST", body="hi", contains="POSThi").state == "pass"


def test_the_raw_answer_is_kept_as_evidence() -> None:
    with serving(Answer(body="x" * 100_000)) as server:
        gate = HttpGate("health", HealthGateSettings(), "api")
        (raw,) = gate.observe(context(container(ports=(published(server.port),)))).raw
    assert (raw.status, raw.size_bytes, len(raw.body)) == ("200", 100_000, 64 * 1024)
    assert raw.source.endswith("/health")


def test_an_unverified_certificate_is_never_silent() -> None:
    settings = HttpGateSettings(url="https://x/", insecure=True)
    assert "certificate not verified" in HttpGate("mine", settings, "api").threshold


class TestWhatIsSecretOnTheHost:
    """A release may answer with its own settings: they are judged, and never shown or kept."""

    SECRET = "postgres://techno:" + "s" * 200 + "@db/techno"

    def seen(self, body: str, **settings: Any) -> tuple[Judgement, bytes]:
        def clean(data: bytes) -> bytes:
            return data.replace(self.SECRET.encode(), b"[URL]")

        with serving(Answer(body=body)) as server:
            gate = HttpGate("health", HealthGateSettings.model_validate(settings), "api")
            ctx = context(container(ports=(published(server.port),)), clean=clean)
            raw = gate.observe(ctx).raw[0].body
            [result] = runner.look((gate,), ctx, "after", Events())
        return Judgement(result.state, result.observed, result.reason), raw

    @pytest.mark.parametrize("before", [0, 100, 119, 300])
    def test_it_is_hidden_wherever_the_text_is_cut(self, before: int) -> None:
        judged, raw = self.seen("x" * before + f" {self.SECRET} end")
        assert b"[URL] end" in raw
        for text in (judged.observed, judged.reason, raw.decode()):
            assert "techno:s" not in text

    def test_a_difference_is_told_without_it(self) -> None:
        judged, _ = self.seen(json.dumps({"db": self.SECRET}), json={"db": "ok"})
        assert judged.state == "fail"
        assert judged.reason == 'db is "[URL]", expected "ok"'

    def test_it_may_be_what_is_expected(self) -> None:
        judged, _ = self.seen(json.dumps({"db": self.SECRET}), json={"db": self.SECRET})
        assert judged.state == "pass"
