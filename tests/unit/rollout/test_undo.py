"""What a person is shown of a failed container's log: its words, not our own probes."""

from types import SimpleNamespace
from typing import Any

from deployctl.rollout import undo
from deployctl.rollout.undo import collapse


def probe(number: int) -> str:
    return f'INFO: 172.20.0.1:{40000 + number} - "GET /health HTTP/1.1" 200 OK'


def test_lines_that_differ_only_in_numbers_become_one() -> None:
    assert collapse([probe(1), probe(2), probe(3)]) == [f"{probe(3)}  (and 2 like it)"]


def test_lines_that_differ_stay_in_their_order() -> None:
    assert collapse(["starting", "ready"]) == ["starting", "ready"]


def test_a_word_among_our_probes_is_seen() -> None:
    assert collapse([probe(1), "database is gone", probe(2)]) == [
        "database is gone", f"{probe(2)}  (and 1 like it)",
    ]  # fmt: skip


def test_the_last_of_like_lines_is_the_one_that_stands() -> None:
    assert collapse(["try 1", "wait", "try 2"])[-1].startswith("try 2")


def test_nothing() -> None:
    assert collapse([]) == []


def test_who_waits_for_the_host_is_told_so_unless_the_link_itself_tells() -> None:
    told: list[str] = []

    def session(*, lost: bool) -> Any:
        host = SimpleNamespace(lost=lost)
        return SimpleNamespace(
            hostlink=SimpleNamespace(host=host), note=lambda _, text: told.append(text)
        )

    undo._tell_waiting(session(lost=True), 20.0, 500.0)
    assert told == []
    undo._tell_waiting(session(lost=False), 20.0, 500.0)
    [only] = told
    assert "Waiting for the host" in only
    assert "20 s so far, 500 s at most" in only
