"""Both languages say the same things."""

import re
from importlib.resources import files
from string import Formatter
from typing import get_args

import pytest

from deployctl.config.settings import Settings
from deployctl.evidence.report.words import LANGUAGES, Language, en, pt_br, words_in
from deployctl.result import GateResult, Result, Rollback, StageResult


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_they_have_the_same_keys() -> None:
    assert set(en.WORDS) == set(pt_br.WORDS)


def test_nobody_has_words_that_are_never_said() -> None:
    folder = files("deployctl.evidence.report")
    sources = [*folder.iterdir(), *folder.joinpath("templates").iterdir()]
    source = "".join(each.read_text("utf-8") for each in sources if each.is_file())
    said = re.findall(r"""["']([a-z-]+\.[a-z.-]+)["']|w(?:ords)?\(["']([a-z-]+)["']""", source)
    made = [
        *(f"{kind}." for kind in re.findall(r"""\.name\(["']([a-z-]+)["'],""", source)),
        *re.findall(r"""w(?:ords)?\(f?["']([a-z.-]+\.)(?:\{|" ~)""", source),
        "check.",
    ]
    unsaid = set(en.WORDS) - {key for keys in said for key in keys}
    assert {key for key in unsaid if not key.startswith(tuple(made))} == set()


@pytest.mark.parametrize("key", en.WORDS)
def test_they_have_the_same_places_for_values(key: str) -> None:
    assert places(en.WORDS[key]) == places(pt_br.WORDS[key])


@pytest.mark.parametrize(
    ("kind", "model", "field"),
    [
        ("verdict", Result, "result"),
        ("state", GateResult, "state"),
        ("when", GateResult, "when"),
        ("stage-state", StageResult, "state"),
        ("rollback-state", Rollback, "state"),
    ],
)
def test_every_value_of_a_result_has_a_name(kind: str, model: type[Result], field: str) -> None:
    values = get_args(model.model_fields[field].annotation)
    assert values
    for table in (en.WORDS, pt_br.WORDS):
        assert {f"{kind}.{value}" for value in values} <= set(table)


@pytest.mark.parametrize("how", ["typed", "signed", "ci", "--yes", "not required"])
def test_every_way_to_approve_has_a_name(how: str) -> None:
    for table in (en.WORDS, pt_br.WORDS):
        assert f"how.{how}" in table


def test_the_settings_know_the_languages_there_are() -> None:
    assert get_args(Settings.model_fields["language"].annotation) == LANGUAGES


def test_neither_claims_that_there_was_no_downtime() -> None:
    told = " ".join([*en.WORDS.values(), *pt_br.WORDS.values()])
    assert not re.search(r"(?i)zero.downtime|no downtime|sem downtime", told)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("85 ms", "3.8 s", "10 s", "2 min 5 s", "38.0 MB", "5,243")),
        ("pt-BR", ("85 ms", "3,8 s", "10 s", "2 min 5 s", "38,0 MB", "5.243")),
    ],
)
def test_numbers_are_written_as_the_language_does(
    language: Language, expected: tuple[str, ...]
) -> None:
    m = words_in(language).measures
    assert (
        m.duration(85), m.duration(3800), m.duration(10_000), m.duration(125_000),
        m.size(38_000_000), m.number(5243),
    ) == expected  # fmt: skip
