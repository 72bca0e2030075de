"""Who approved of a job's deployment is what GitHub says; where it says nothing, so does the seal.

GitHub itself can't be had in a test: a small server stands in for its REST API.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deployctl.rollout import github_reviews as asked
from deployctl.rollout.github_reviews import github_reviews

TOKEN = {"GITHUB_TOKEN": "ghs_canary0123456789"}
PATH = "/repos/acme/api/actions/runs/77/approvals"
REVIEW: dict[str, Any] = {
    "state": "approved",
    "comment": "looks good",
    "environments": [{"id": 1, "name": "production", "url": "…"}],
    "user": {"login": "ana", "id": 7, "type": "User"},
}
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}{PATH}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def says(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_each_review_is_told_with_who_and_of_which_environment(
    serve: Callable[[Answer], str],
) -> None:
    url = serve(says(json.dumps([REVIEW]).encode()))
    assert github_reviews(TOKEN, url) == {
        "reviews": [
            {
                "state": "approved",
                "environments": ["production"],
                "by": "ana",
                "comment": "looks good",
            }
        ]
    }


def test_a_run_that_needed_no_review_has_none(serve: Callable[[Answer], str]) -> None:
    assert github_reviews(TOKEN, serve(says(b"[]"))) == {"reviews": []}


def test_it_is_asked_as_the_job(serve: Callable[[Answer], str]) -> None:
    seen: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.extend([handler.path, handler.headers["Authorization"]])
        says(b"[]")(handler)

    github_reviews(TOKEN, serve(answer))
    assert seen == [PATH, "Bearer ghs_canary0123456789"]


def test_without_a_token_nobody_is_asked() -> None:
    assert github_reviews({}, "http://127.0.0.1:1/") == {"notTold": "the job has no GITHUB_TOKEN"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(b"{}", 403), "GitHub answered 403: the token needs `actions: read`"),
        (says(b"", 302, Location="http://127.0.0.1:1/"), "GitHub answered 302"),
        (says(b"<html>"), "GitHub's answer is none of reviews"),
        (says(b'[{"state": "approved"}]'), "GitHub's answer is none of reviews"),
        (says(b"[" * 50_000), "GitHub's answer is none of reviews"),
        (says(b" " * (asked.LARGEST_BYTES + 1)), "GitHub's answer is too large"),
    ],
    ids=["forbidden", "redirect", "no-json", "other-json", "deep", "large"],
)
def test_what_is_no_answer_is_said(
    answer: Answer, why: str, serve: Callable[[Answer], str]
) -> None:
    assert github_reviews(TOKEN, serve(answer)) == {"notTold": why}


def test_one_that_drips_is_given_up(
    serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "SECONDS", 0.3)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(50):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.05)

    assert github_reviews(TOKEN, serve(drip)) == {"notTold": "GitHub did not answer within 0.3 s"}


def test_nobody_there_tells_nothing_secret() -> None:
    told = github_reviews(TOKEN, "http://127.0.0.1:1/")
    assert told == {"notTold": "GitHub can't be asked (ConnectionError)"}
