"""`deployctl lab ssh`: whose words are whose."""

import pytest

from deployctl.cli.lab import _name_and_command
from deployctl.errors import UsageError

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
