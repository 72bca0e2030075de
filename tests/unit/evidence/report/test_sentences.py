"""What the tool says of a run's end is read in one's own language; what others said stays."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import deployctl
from deployctl.engines.compose.job import JobService
from deployctl.errors import TOUCHED_NOTHING, UNTOUCHED
from deployctl.evidence.report.words import words_in
from deployctl.evidence.report.words.pt_br_sentences import SENTENCES
from deployctl.rollout import decide, endings, undo
from deployctl.rollout.hints import for_target

ROOT = Path(deployctl.__file__).parent
FIXED = 6
"""letters that a sentence has at least, apart from names: any text would be like a shorter one"""


def portuguese(text: str) -> str | None:
    return words_in("pt-BR").sentences.translated(text)


def flat(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(flat(part) or "{}" for part in node.values)
    return ""


def said() -> Iterator[str]:
    """Every text in the source of what can end a run, by clause as well, as an expression."""
    texts = {f"Then {endings.AGAIN.lower()}"}
    files = [
        path for room in ("rollout", "engines", "host") for path in (ROOT / room).rglob("*.py")
    ]
    for path in [*files, ROOT / "errors.py"]:
        texts |= {flat(node) for node in ast.walk(ast.parse(path.read_text()))}
    for text in texts:
        parts = {text, *re.split(r"(?<=[.}])\s+(?=[A-Z{])", text)}
        parts |= {piece for part in set(parts) for piece in part.split("; ")}
        for part in parts:
            if len(part.replace("{}", "")) >= FIXED:
                yield re.escape(part.removesuffix(".")).replace(r"\{\}", ".+")


@pytest.fixture(scope="module")
def sources() -> list[str]:
    return list(said())


def filled(template: str) -> str:
    parts = Formatter().parse(template)
    return "".join(
        fixed + ("X" if name not in (None, "target") else "") for fixed, name, *_ in parts
    )


@pytest.mark.parametrize("template", SENTENCES)
def test_each_is_one_that_the_tool_says(template: str, sources: list[str]) -> None:
    told = filled(template)
    assert any(re.fullmatch(source, told) for source in sources)


@pytest.mark.parametrize("template", SENTENCES)
def test_none_loses_a_name(template: str) -> None:
    places = [sorted(name for _, name, *_ in Formatter().parse(text) if name)
              for text in (template, SENTENCES[template])]  # fmt: skip
    assert places[0] == places[1]


@pytest.mark.parametrize("held", ["running", "stopped", "absent"])
@pytest.mark.parametrize("more", [{}, {"foreign_edit": True}, {"repaired": True}])
@pytest.mark.parametrize("proven", [True, False])
def test_all_that_a_rollback_brings_back_is_told(
    held: str, more: dict[str, bool], *, proven: bool
) -> None:
    service = JobService("api", 1, (), "", "", (), held)  # type: ignore[arg-type]
    told = decide.as_before(
        "r1 (d73cfb1)", [service], **{"proven": proven, "foreign_edit": False, **more}
    )
    assert portuguese(told) is not None


@pytest.mark.parametrize(
    "text",
    [
        UNTOUCHED, TOUCHED_NOTHING, undo.NEEDS_A_PERSON, endings.AGAIN, endings.REPORT,
        for_target(f"{endings.MEND} {endings.WHY}", "q5"),
        for_target("deployctl rollback goes back to the release before.", "q5"),
    ],
)  # fmt: skip
def test_what_most_runs_end_with_is_told(text: str) -> None:
    assert portuguese(text) is not None


def test_names_targets_and_commands_stay_as_they_are() -> None:
    text = "r1 (d73cfb1) was live already; every gate holds."
    assert portuguese(text) == "r1 (d73cfb1) já estava no ar; todas as validações são cumpridas."
    told = portuguese("Look at the host: deployctl status --target q5")
    assert told == "Veja o host: deployctl status --target q5"
    commands = "deployctl logs --target q5; deployctl rollback --target q5 --to r1"
    assert portuguese(commands) == commands


@pytest.mark.parametrize(
    "text",
    [
        "health: status 500, expected 200",
        "Production was not touched. The disk is full.",
        "nothing here serves.",
        "deployctl compose diagnose names the faults",
        "",
    ],
)
def test_a_text_of_which_a_part_is_not_known_stays_whole(text: str) -> None:
    assert portuguese(text) is None


def test_an_english_report_says_it_as_it_was_said() -> None:
    assert words_in("en").sentences.translated(UNTOUCHED) is None
