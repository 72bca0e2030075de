"""`deployctl lab`: whose words are whose, and which lab is meant."""

import json

import pytest

from deployctl.cli.boundary import run
from deployctl.cli.lab import _name_and_command
from deployctl.errors import ExitCode, UsageError
from deployctl.lab.service import LabStatus

PREFIX = ("lab", "ssh")


@pytest.mark.parametrize(
    ("typed", "name", "command"),
    [
        ([], "lab", []),
        (["two"], "two", []),
        (["--", "docker", "ps", "--all"], "lab", ["docker", "ps", "--all"]),
        (["two", "--", "uptime"], "two", ["uptime"]),
        (["two", "--", "sh", "-c", "a -- b"], "two", ["sh", "-c", "a -- b"]),
    ],
)
def test_the_command_is_what_follows_two_dashes(
    typed: list[str], name: str, command: list[str]
) -> None:
    parsed = (
        [word for place, word in enumerate(typed) if place != typed.index("--")]
        if ("--" in typed)
        else typed
    )
    assert _name_and_command(parsed, [*PREFIX, *typed]) == (name, command)


def test_a_command_without_dashes_is_shown_with_them() -> None:
    with pytest.raises(UsageError) as caught:
        _name_and_command(["two", "docker", "ps"], [*PREFIX, "two", "docker", "ps"])
    assert caught.value.next_step == "deployctl lab ssh two -- docker ps"


@pytest.mark.parametrize(
    ("words", "found"),
    [([], ["one", "two"]), (["two"], ["two"]), (["--name", "one"], ["one"])],
)
def test_a_lab_by_name_or_every_lab(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    found: list[str],
) -> None:
    class Stub:
        def __init__(self, name: str) -> None:
            self.name = name

        def status(self) -> LabStatus:
            return LabStatus(self.name, self.name, "/repository", ())

    monkeypatch.setattr("deployctl.lab.docker.require_engine", lambda: None)
    monkeypatch.setattr("deployctl.lab.service.all_labs", lambda: [Stub("one"), Stub("two")])
    monkeypatch.setattr("deployctl.lab.service.Lab", Stub)
    assert run(["lab", "status", *words, "--output", "json"]) == 0
    labs = json.loads(capsys.readouterr().out)["labs"]
    assert [lab["name"] for lab in labs] == found


def test_a_lab_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deployctl.lab.docker.require_engine", lambda: None)
    assert run(["lab", "status", "no-such-lab"]) == ExitCode.USAGE
    assert "no-such-lab" in capsys.readouterr().err


def test_of_two_flavours_none_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[object] = []
    monkeypatch.setattr("deployctl.lab.service.Lab.up", lambda *_, **named: made.append(named))
    assert run(["lab", "up", "--flavour", "tcp", "--flavour", "sudo"]) == ExitCode.USAGE
    assert made == []
    told = capsys.readouterr().err
    assert "one flavour, and 2 are named: tcp, sudo" in told
    assert "deployctl lab up --flavour tcp" in told
