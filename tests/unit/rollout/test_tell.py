"""Who is told how a run ended; that it takes no longer than it may, and changes nothing."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from deployctl.config.notify import NoticeSettings
from deployctl.errors import LinkLostError
from deployctl.evidence.redact import Redactor
from deployctl.host.connection import ProgramFailed
from deployctl.host.wire import Answer
from deployctl.notify import post
from deployctl.result import Result
from deployctl.rollout import tell
from tests.unit.notify.support import put_back, receiver, refused, result, status

NOTICE: TypeAdapter[Any] = TypeAdapter(NoticeSettings)
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(post, "PAUSES", (0.01,) * 3)


@pytest.fixture
def notes() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def make(notes: list[tuple[str, str]]) -> Make:
    def session(*notices: dict[str, Any], **values: Any) -> Any:
        asked: list[dict[str, str]] = []

        def run(program: str, params: dict[str, str], **_: Any) -> Answer:
            asked.append({"program": program, **params})
            return Answer()

        host = SimpleNamespace(run=run)
        made = {
            "dry": False,
            "hurried": threading.Event(),
            "evidence": SimpleNamespace(redactor=Redactor({"X": "hunter2hunter2"})),
            "survey": SimpleNamespace(project="shop"),
            "settings": SimpleNamespace(
                notify=tuple(NOTICE.validate_python(each) for each in notices),
                environment="production",
                target="production",
                project=None,
                services=("api",),
            ),
            "link": object(),
            "hostlink": SimpleNamespace(host=host),
            "asked": asked,
            "note": lambda level, text: notes.append((level, text)),
        }
        return SimpleNamespace(**{**made, **values})

    return session


def tell_all(session: Any, found: Result | None = None) -> None:
    tell.begin(session, found or result()).finish()


def hook(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "webhook", "url": url, **more}


class TestAWebhook:
    def test_gets_the_result_without_secrets(self, make: Make, notes: list[Any]) -> None:
        with receiver() as there:
            found = put_back(reason="the password hunter2hunter2 is wrong")
            tell_all(make(hook(there.url)), found)
        assert b"hunter2" not in there.seen[0].body
        assert json.loads(there.seen[0].body)["result"]["exitCode"] == 21
        assert there.seen[0].headers["x-deployctl-end"] == "rollback"
        assert notes == []

    def test_address_and_secret_come_from_the_environment(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with receiver() as there:
            monkeypatch.setenv("HOOK", f" {there.url}\n")
            monkeypatch.setenv("KEY", "key")
            tell_all(make({"type": "webhook", "url_env": "HOOK", "secret_env": "KEY"}))
        assert there.seen[0].headers["x-deployctl-signature-256"].startswith("sha256=")

    @pytest.mark.parametrize(
        ("found", "on", "times"),
        [
            (result(), ["success"], 1),
            (result(), ["rollback"], 0),
            (put_back(), ["success", "failure"], 0),
            (refused(), ["refused"], 1),
        ],
    )
    def test_hears_of_the_ends_that_it_asked_for(
        self, make: Make, found: Result, on: list[str], times: int
    ) -> None:
        with receiver() as there:
            tell_all(make(hook(there.url, on=on, format="slack")), found)
        assert len(there.seen) == times

    def test_by_default_not_of_a_refusal(self, make: Make) -> None:
        with receiver() as there:
            tell_all(make(hook(there.url)), refused())
        assert there.seen == []

    def test_that_fails_is_a_warning_without_its_address(
        self, make: Make, notes: list[Any]
    ) -> None:
        with receiver(status(404)) as there:
            tell_all(make(hook(there.url)))
        [(level, text)] = notes
        assert level == "warning"
        assert text == (
            f"The webhook at http://127.0.0.1:{there.port} was not told how the run ended: "
            "it answered 404. How it ended is not changed by that."
        )

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "the environment variable HOOK is not set"),
            (" ", "the environment variable HOOK is not set"),
            ("ftp://secret-host/x", "what the variable HOOK holds is no address: expected a URL"),
            ("https://u:secret@h/x", "what the variable HOOK holds is no address: expected a URL"),
        ],
    )
    def test_without_an_address_is_a_warning(
        self,
        make: Make,
        notes: list[Any],
        monkeypatch: pytest.MonkeyPatch,
        value: str | None,
        reason: str,
    ) -> None:
        monkeypatch.delenv("HOOK", raising=False)
        if value is not None:
            monkeypatch.setenv("HOOK", value)
        tell_all(make({"type": "webhook", "url_env": "HOOK"}))
        assert reason in notes[0][1]
        assert "secret" not in notes[0][1]


class TestCDEvents:
    def test_are_posted_one_a_service(self, make: Make) -> None:
        session = make({"type": "cdevents", "url": "http://127.0.0.1:1/"})
        session.settings.services = ("api", "worker")
        with receiver() as there:
            session.settings.notify = (
                NOTICE.validate_python({"type": "cdevents", "url": there.url}),
            )
            tell_all(session)
        assert [request.headers["ce-subject"] for request in there.seen] == [
            "service/shop/api",
            "service/shop/worker",
        ]

    def test_are_appended_to_a_file(self, make: Make, tmp_path: Path) -> None:
        path = tmp_path / "events.ndjson"
        session = make({"type": "cdevents", "file": path})
        tell_all(session)
        tell_all(session, put_back())
        lines = [json.loads(line)["context"]["type"] for line in path.read_text().splitlines()]
        assert lines == [
            "dev.cdevents.service.upgraded.0.3.0",
            "dev.cdevents.service.rolledback.0.3.0",
        ]

    def test_a_failure_before_the_switch_is_none(self, make: Make, tmp_path: Path) -> None:
        session = make({"type": "cdevents", "file": tmp_path / "events.ndjson"})
        tell_all(session, result("untouched", stages=[]))
        assert not (tmp_path / "events.ndjson").exists()

    @pytest.mark.parametrize("name", ["missing/x", "pipe", "folder"])
    def test_a_file_that_cannot_be_written_is_a_warning(
        self, make: Make, notes: list[Any], tmp_path: Path, name: str
    ) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        tell_all(make({"type": "cdevents", "file": tmp_path / name}))
        assert f"{tmp_path / name}: " in notes[0][1]


def test_grafana_gets_an_annotation_with_its_token(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "glsa_x")
    with receiver() as there:
        url = f"http://127.0.0.1:{there.port}/grafana/"
        tell_all(make({"type": "grafana", "url": url, "token_env": "TOKEN", "tags": ["b"]}))
        tell_all(make({"type": "grafana", "url": url, "token_env": "TOKEN"}), refused())
    [request] = there.seen
    assert request.line == "POST /grafana/api/annotations HTTP/1.1"
    assert request.headers["authorization"] == "Bearer glsa_x"
    assert "b" in json.loads(request.body)["tags"]


class TestTheTextfile:
    SETTINGS = {"type": "textfile", "directory": "/srv/metrics"}  # noqa: RUF012

    def test_is_written_on_the_host(self, make: Make) -> None:
        session = make(self.SETTINGS)
        tell_all(session)
        [asked] = session.asked
        assert asked["program"] == "textfile"
        assert asked["DIRECTORY"] == "/srv/metrics"
        assert asked["NAME"] == "deployctl-shop-production.prom"
        assert "deployctl_last_rollout_success" in asked["TEXT"]

    def test_is_not_where_there_is_no_host_or_nothing_began(self, make: Make) -> None:
        for session, found in (
            (make(self.SETTINGS, link=None), result()),
            (make(self.SETTINGS), refused()),
        ):
            tell_all(session, found)
            assert session.asked == []

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ProgramFailed("write", "deploy can't write in /srv/metrics", Answer()), "can't write"),
            (LinkLostError("The connection to vps was lost."), "The connection to vps was lost"),
            (RuntimeError(), "RuntimeError"),
        ],
    )
    def test_that_fails_is_a_warning(
        self, make: Make, notes: list[Any], error: Exception, reason: str
    ) -> None:
        def fail(*_: Any, **__: Any) -> Answer:
            raise error

        tell_all(make(self.SETTINGS, hostlink=SimpleNamespace(host=SimpleNamespace(run=fail))))
        assert reason in notes[0][1]


class TestTheEndOfTheRun:
    def test_is_put_off_by_no_more_than_the_budget(
        self, make: Make, notes: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tell, "BUDGET", 0.4)
        with receiver(lambda _: time.sleep(20)) as silent, receiver() as good:
            session = make(*(hook(silent.url) for _ in range(5)), hook(good.url))
            began = time.monotonic()
            tell_all(session)
            assert time.monotonic() - began < 10
            assert len(good.seen) == 1
        assert len(notes) == 5

    def test_is_put_off_by_nothing_where_other_work_took_the_time(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tell, "BUDGET", 0.0)
        with receiver(lambda _: time.sleep(20)) as silent:
            began = time.monotonic()
            tell_all(make(hook(silent.url)))
            assert time.monotonic() - began < 10

    def test_comes_at_once_for_who_asks_to_end(self, make: Make, notes: list[Any]) -> None:
        with receiver(lambda _: time.sleep(20)) as silent:
            session = make(hook(silent.url))
            telling = tell.begin(session, result())
            session.hurried.set()
            began = time.monotonic()
            telling.finish()
            assert time.monotonic() - began < 5
        assert "you asked to end" in notes[0][1]

    def test_tells_nobody_after_a_second_signal(self, make: Make, notes: list[Any]) -> None:
        with receiver() as there:
            session = make(hook(there.url))
            session.hurried.set()
            tell_all(session)
        assert there.seen == []
        assert notes == [("info", "Nobody is told how the run ended, as you asked to end.")]

    def test_of_a_plan_tells_nobody(self, make: Make) -> None:
        with receiver() as there:
            tell_all(make(hook(there.url, on=["success", "refused"]), dry=True))
        assert there.seen == []

    def test_is_not_broken_by_a_bug_in_here(
        self, make: Make, notes: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any) -> Any:
            raise ZeroDivisionError("oh")

        monkeypatch.setattr(tell, "_calls", broken)
        tell_all(make(hook("https://h/x")))
        assert notes == [("warning", "Nobody more was told how the run ended: oh.")]
