"""The report has the order of one written by hand, and text from outside stays text."""

import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from deployctl.events import Note
from deployctl.evidence.report.markdown import block, code, markdown, text
from deployctl.evidence.report.words import LANGUAGES, Language, words_in
from deployctl.result import Availability

from . import hostile
from .support import DIFF, at, gate, story

ENGLISH = [
    "Summary", "Evidence before", "What was deployed", "Compose file", "Evidence after",
    "Governance checks", "Figures", "Commands to reproduce each validation", "Artefacts",
    "Signatures", "Final status",
]  # fmt: skip
PORTUGUESE = [
    "Resumo executivo", "Evidências antes", "O que foi implantado", "Arquivo Compose",
    "Evidências depois", "Validações de governança", "Métricas",
    "Comandos para reproduzir cada validação", "Artefatos preservados", "Assinaturas",
    "Status final",
]  # fmt: skip


def made(base: Path, ending: str = "sealed", language: Language = "en", **values: Any) -> str:
    return markdown(story(base, ending, **values), words_in(language))


@pytest.mark.parametrize(("language", "titles"), [("en", ENGLISH), ("pt-BR", PORTUGUESE)])
def test_it_has_the_order_of_a_report_by_hand(
    tmp_path: Path, language: Language, titles: list[str]
) -> None:
    found = re.findall(r"^## (\d+)\. (.+)$", made(tmp_path, language=language), re.MULTILINE)
    assert found == [(str(number), title) for number, title in enumerate(titles, 1)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", ["sealed", "rolled-back", "refused"])
def test_it_names_the_seal_first_and_last(tmp_path: Path, ending: str, language: Language) -> None:
    told = story(tmp_path, ending)
    lines = markdown(told, words_in(language)).splitlines()
    quoted = [line for line in lines if told.seal_digest in line]
    assert quoted[0].startswith("> ")
    assert quoted[-1] == lines[-1]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Availability(probes=9, failures=0, unknown=0, downtime_ms=0, resolution_ms=27),
         "none seen, with a resolution of 27 ms (0 of 9 probes failed)"),
        (Availability(probes=9, failures=2, unknown=1, unknown_ms=50, downtime_ms=85,
                      resolution_ms=27),
         ("at least 85 ms ± 27 ms; not measured for 50 ms "
         "(2 of 9 probes failed; 1 found no way to the service)")),
        (Availability(probes=9, failures=0, unknown=9, downtime_ms=None, resolution_ms=27),
         "not measured (0 of 9 probes failed; 9 found no way to the service)"),
        (None, "not measured"),
    ],
)  # fmt: skip
def test_an_outage_is_told_with_its_resolution(
    tmp_path: Path, seen: Availability | None, expected: str
) -> None:
    told = story(tmp_path)
    told = replace(told, result=told.result.model_copy(update={"availability": seen}))
    assert f"- **Outage:** {expected}\n" in markdown(told, words_in("en"))


def test_the_difference_stands_in_it_whole(tmp_path: Path) -> None:
    assert f"```diff\n{DIFF}```" in made(tmp_path)


def test_a_refused_run_claims_nothing_that_was_not_done(tmp_path: Path) -> None:
    told = made(tmp_path, "refused")
    assert "## 3. What was to be deployed" in told
    assert "No gate was asked before" in told
    assert "Nothing was asked and nothing was changed" in told
    assert "not measured" in told


def test_a_refused_run_says_what_was_asked_for(tmp_path: Path) -> None:
    assert "**Asked for:** `hotfix --sha d73cfb1`" in made(tmp_path, "refused")


class TestForeignText:
    def test_is_shown_as_it_is(self) -> None:
        assert text("a_b *c* [d](e) <f> `g` | h") == (r"a\_b \*c\* \[d\](e) \<f\> \`g\` \| h")

    @pytest.mark.parametrize(
        "mark", ["-", "+", "*", "#", "##", ">", "1.", "12)", "---", "===", "1.5"]
    )
    def test_begins_no_block(self, tmp_path: Path, mark: str) -> None:
        note = Note(at=at(6), level="warning", text=f"{mark} note")
        [line] = [x for x in made(tmp_path, told=[note]).splitlines() if x.endswith(" note")]
        kinds = [token.type for token in MarkdownIt().parse(line)]
        assert kinds == [
            "bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close",
            "list_item_close", "bullet_list_close",
        ]  # fmt: skip
        assert MarkdownIt().render(line).count(f">{escape(mark)} note<") == 1

    def test_makes_no_link_and_calls_nobody(self) -> None:
        assert "://" not in text("http://x.org/y")
        assert "@" not in text("@all")
        assert "www." not in text("WWW.x.org").lower()

    def test_stays_on_its_line(self) -> None:
        assert text("a\n# b\r\nc") == r"a \# b c"

    def test_can_not_end_the_code_that_it_is_in(self) -> None:
        assert code("a``b`") == "``` a``b` ```"
        fence, *_, end = block("x\n```\n# Owned\n````")
        assert fence == end == "`" * 5

    def test_adds_no_section_wherever_it_stands(self, tmp_path: Path) -> None:
        bad = hostile.ALL
        told = made(
            tmp_path,
            answer=bad,
            asked=f"http://x/{bad}",
            reason=bad,
            gates=[gate("health", "after", "fail", observed=bad, threshold=bad, reason=bad)],
        )
        outside = re.sub(r"^(`{3,}).*?^\1$", "", told, flags=re.DOTALL | re.MULTILINE)
        assert len(re.findall(r"^## ", outside, re.MULTILINE)) == 11
        assert "# Owned" not in re.findall(r"^# .*$", outside, re.MULTILINE)[1:]
        outside = re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
        assert not re.search(r"(?<!\\)<(script|img|b|style)", outside)
        assert not [char for char in hostile.INVISIBLE if char in told]

    def test_breaks_no_table(self, tmp_path: Path) -> None:
        told = made(tmp_path, gates=[gate("a|b", "before", observed="c|d", threshold="e|f")])
        [row] = [line for line in told.splitlines() if line.startswith("| `a\\|")]
        assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_a_long_answer_is_cut_and_says_so(tmp_path: Path) -> None:
    told = made(tmp_path, answer="line\n" * 1000)
    assert "Only the beginning is shown; 5.0 kB are in `gates/health.before.1.txt`." in told
    assert told.count("\nline") <= 48
