"""Each exception to the rules has the reason that was given for it."""

import pytest

from deployctl.cli.reasons import Reasons, read_reasons
from deployctl.errors import UsageError


@pytest.mark.parametrize(
    ("argv", "reasons"),
    [
        ([], Reasons()),
        (["hotfix", "--sha", "x"], Reasons()),
        (["--advisory", "a", "--reason", "one"], Reasons({"a": "one"})),
        (["--advisory=a", "--reason=one=two"], Reasons({"a": "one=two"})),
        (
            ["--accept-drift", "--reason", "d", "--advisory", "a", "--reason", "one"],
            Reasons({"a": "one"}, "d"),
        ),
        (
            ["--advisory", "a", "--advisory", "b", "--accept-drift", "--reason", "all"],
            Reasons({"a": "all", "b": "all"}, "all"),
        ),
        (
            ["--advisory", "a", "--reason", "1", "--advisory", "a", "--reason", "2"],
            Reasons({"a": "2"}),
        ),
        (["--", "--advisory", "a"], Reasons()),
    ],
)
def test_a_reason_belongs_to_what_stands_before_it(argv: list[str], reasons: Reasons) -> None:
    assert read_reasons(argv) == reasons


@pytest.mark.parametrize(
    "argv",
    [
        ["--advisory", "a"],
        ["--accept-drift"],
        ["--reason", "x"],
        ["--reason", "x", "--advisory", "a"],
        ["--advisory", "a", "--reason", " "],
        ["--advisory", "", "--reason", "x"],
        ["--advisory", "a", "--reason", "x", "--reason", "y"],
    ],
)
def test_one_without_the_other_is_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        read_reasons(argv)
    assert "--reason TEXT" in error.value.next_step
