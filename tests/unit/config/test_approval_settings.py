"""`approval:` is a word, or a mapping that says who signs."""

from pathlib import Path

import pytest

from deployctl.config.load import load
from deployctl.config.settings import Settings
from deployctl.errors import ConfigError

TEXT = """version: 1
services: [api]
approval: {}
targets:
  lab: {{host: vps, approval: {}}}
"""


def settings(folder: Path, shared: str, own: str) -> Settings:
    path = folder / "deployctl.yml"
    path.write_text(TEXT.format(shared, own))
    return load(path, None, {})


@pytest.mark.parametrize("word", ["none", "typed"])
def test_a_word_says_enough_where_nobody_signs(tmp_path: Path, word: str) -> None:
    assert settings(tmp_path, "typed", word).approval.how == word


def test_nothing_said_is_typed(tmp_path: Path) -> None:
    assert settings(tmp_path, "null", "null").approval.how == "typed"


def test_who_signs_is_a_file_beside_the_settings_and_one_person_by_default(tmp_path: Path) -> None:
    found = settings(tmp_path, "typed", "{how: signed, allowed_signers: signers}").approval
    assert (found.how, found.approvers) == ("signed", 1)
    assert found.allowed_signers == tmp_path / "signers"


def test_a_target_may_want_more_people_than_the_others(tmp_path: Path) -> None:
    found = settings(tmp_path, "{how: signed, allowed_signers: signers}", "{approvers: 2}").approval
    assert (found.how, found.approvers) == ("signed", 2)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("signed", "approval: expected who may sign"),
        ("{how: signed}", "approval: expected who may sign"),
        ("maybe", "approval: expected 'none', 'typed' or 'signed', found 'maybe'"),
        ("{how: maybe}", "approval.how: expected 'none', 'typed' or 'signed', found 'maybe'"),
        ("[signed]", "approval: expected none, typed, signed, or a mapping"),
        ("2", "approval: expected none, typed, signed, or a mapping"),
        ("{approvers: 2}", "approval.how: missing"),
        ("{how: typed, approvers: 2}", "approval: expected `how: signed` beside approvers"),
        ("{how: none, allowed_signers: x}", "approval: expected `how: signed` beside approvers"),
        (
            "{how: signed, allowed_signers: x, approvers: 0}",
            "approval.approvers: expected a whole number from 1 to 20, found 0",
        ),
        (
            "{how: signed, allowed_signers: x, approvers: true}",
            "approval.approvers: expected a whole number",
        ),
        (
            "{how: signed, allowed_signer: x}",
            "approval.allowed_signer: unknown key; did you mean allowed_signers?",
        ),
    ],
)
def test_anything_else_is_refused_where_it_stands(tmp_path: Path, own: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings(tmp_path, "null", own)
    assert told in error.value.what
