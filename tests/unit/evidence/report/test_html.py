"""One page that needs nothing and runs nothing; no text from outside is more than text."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any

import pytest

from deployctl.events import Note
from deployctl.evidence.report.html import page
from deployctl.evidence.report.words import LANGUAGES, Language, words_in
from deployctl.result import Untouched

from . import hostile
from .hostile import Page
from .support import NEEDS, PLAN, at, gate, rows, series, story

ENDINGS = ("sealed", "rolled-back", "refused")


def made(base: Path, ending: str = "sealed", language: Language = "en", **values: Any) -> str:
    return page(story(base, ending, **values), words_in(language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", ENDINGS)
class TestEveryPage:
    def test_is_well_formed(self, tmp_path: Path, ending: str, language: Language) -> None:
        assert Page(made(tmp_path, ending, language)).faults == []

    def test_runs_nothing_and_loads_nothing(
        self, tmp_path: Path, ending: str, language: Language
    ) -> None:
        tags = Page(made(tmp_path, ending, language)).tags
        names = {name for name, _ in tags}
        assert not names & {"script", "link", "img", "iframe", "object", "form", "base", "a"}
        attributes = {key for _, attrs in tags for key in attrs}
        assert not [key for key in attributes if key.startswith("on")]
        assert not attributes & {"src", "href", "xlink:href", "style", "action"}

    def test_says_what_it_is_and_of_which_seal(
        self, tmp_path: Path, ending: str, language: Language
    ) -> None:
        told = story(tmp_path, ending)
        read = Page(page(told, words_in(language)))
        words = words_in(language)
        assert words(f"verdict.{told.result.result}") in read.text
        assert words("view", file="seal.json", digest=told.seal_digest) in read.text
        assert ("html", {"lang": language}) in read.tags

    def test_has_a_caption_for_each_table_of_figures(
        self, tmp_path: Path, ending: str, language: Language
    ) -> None:
        tags = [name for name, _ in Page(made(tmp_path, ending, language)).tags]
        # The folded table of the stages has its summary.
        assert tags.count("caption") == tags.count("table") - 1

    def test_is_the_same_again(self, tmp_path: Path, ending: str, language: Language) -> None:
        told = story(tmp_path, ending)
        assert page(told, words_in(language)) == page(told, words_in(language))


def test_only_its_own_style_counts(tmp_path: Path) -> None:
    text = made(tmp_path)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [
        attrs["content"] or ""
        for name, attrs in Page(text).tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{hashed}';" in policy
    assert "unsafe" not in policy


class TestTextFromOutside:
    @pytest.fixture
    def text(self, tmp_path: Path) -> str:
        bad = hostile.ALL
        plan = {
            "decisions": {
                "commit": {"sha": bad, "subject": bad},
                "playbook": bad,
                "advisory": {bad: bad},
                "acceptDrift": bad,
                "files": [{"path": bad, "beforeSha256": bad, "afterSha256": bad}],
                "repair": {"path": bad, "source": bad, "brokenSha256": bad},
                "guard": bad,
            },
            "facts": {"changed": [{"status": bad, "path": bad}], "warnings": [bad]},
        }
        return made(
            tmp_path,
            "rolled-back",
            plan=plan,
            answer=bad,
            asked=f"http://127.0.0.1/{bad}",
            reason=bad,
            production=bad,
            next_step=bad,
            gates=[gate("health", "after", "fail", observed=bad, threshold=bad, reason=bad),
                   gate(bad, "before", observed=bad)],
            untouched=[Untouched(service=bad, container_id=bad, same=False)],
            told=[Note(at=at(6), level="warning", text=bad)],
        )  # fmt: skip

    def test_is_text(self, text: str) -> None:
        read = Page(text)
        assert read.faults == []
        assert {name for name, _ in read.tags} <= EXPECTED_TAGS
        assert "<script" not in text
        assert text.count("<style>") == 1
        assert "{{ 7*7 }}" in read.text

    @pytest.mark.parametrize("char", hostile.INVISIBLE)
    def test_has_nothing_that_is_not_seen(self, text: str, char: str) -> None:
        assert char not in text

    def test_shows_what_was_there(self, text: str) -> None:
        read = Page(text).text
        assert "␛[2J" in read
        assert "invoice[U+202E]gnp.exe" in read
        assert "<script>alert(1)</script>" in read


EXPECTED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section",
    "h1", "h2", "h3", "small", "p", "br", "div", "span", "code", "pre", "dl", "dt", "dd", "ul",
    "li", "figure", "figcaption", "details", "summary", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "svg", "g", "line", "rect", "path", "text", "circle",
}  # fmt: skip


class TestThePicture:
    def test_shows_probe_switch_outage_and_rollback(self, tmp_path: Path) -> None:
        text = made(tmp_path, "rolled-back")
        assert "outage 2 s ± 27 ms" in text
        assert "switch at 5.6 s" in text
        assert "rollback, proven" in text
        assert 'class="failed" d="M' in text

    def test_tells_when_it_was_thinned(self, tmp_path: Path) -> None:
        samples = rows(30_000, range(5000, 5100))
        for number, row in enumerate(samples):
            row[0] = number * 0.6
        text = made(tmp_path, availability=series(samples))
        assert re.search(r"Of 30,000 probes [\d,]+ are drawn", text)

    def test_tells_when_samples_or_events_are_not_as_sealed(self, tmp_path: Path) -> None:
        from deployctl.evidence.report.story import read_story  # noqa: PLC0415

        told = story(tmp_path)
        for name in ("availability.json", "events.ndjson"):
            (told.seal_path.parent / name).write_text("{}")
        text = page(read_story(told.seal_path.parent), words_in("en"))
        assert "availability.json is not here as it was sealed" in text
        assert "events.ndjson is not here as it was sealed" in text
        assert "CHANGED since" in text


class TestThePortuguesePage:
    @pytest.fixture
    def text(self, tmp_path: Path) -> str:
        plan = {**PLAN, "decisions": {**PLAN["decisions"], "acceptDrift": "porta aberta à mão"}}
        reviews = {"reviews": [{"state": "approved", "by": "maria", "environments": ["p"]}]}
        gates = [gate("health", "before", observed=""), gate("health", "after")]
        return made(tmp_path, "rolled-back", "pt-BR", gates=gates, answer="", plan=plan,
                    ci_reviews=reviews)  # fmt: skip

    def test_says_in_portuguese_how_it_was_approved(self, text: str) -> None:
        read = Page(text).text
        assert "por ana (digitada) em 2026" in read
        assert "Por ana (digitada), sobre" in read
        assert "aprovada por maria para p" in read

    def test_says_how_it_ended_in_portuguese_and_quotes_what_the_gates_said(
        self, tmp_path: Path
    ) -> None:
        back = "r0 serves again, the image and containers of before; the Compose file is as before."
        text = made(tmp_path, "rolled-back", "pt-BR", production=back,
                    next_step="Run the same command again.")  # fmt: skip
        assert '<p><span lang="en">metrics: status 404</span></p>' in text
        assert "r0 atende novamente, com a imagem e os contêineres de antes; o arquivo" in text
        assert "Próximo passo: Execute o mesmo comando novamente.<" in text
        assert "serves again" not in text

    def test_marks_what_is_english_and_nothing_else(self, text: str) -> None:
        english = re.findall(r'lang="en">([^<]*)<', text)
        assert "200, as it should" in english
        assert escape(NEEDS["health"]).replace("&quot;", "&#34;") in english
        assert not {"nada", "vazia"} & set(english)
        assert not [told for told in english if "maria" in told or "porta" in told]
        assert ">nada<" in text
        assert ">vazia<" in text
        assert '<span lang="">porta aberta à mão</span>' in text
        assert '<span lang="">Expose /metrics</span>' in text

    def test_marks_what_a_command_should_answer(self, text: str) -> None:
        assert 'Esperado: <span lang="en">GET /health' in text
        assert 'Observado depois: <span lang="en">200' in text


def test_the_page_of_the_longest_series_stays_small(tmp_path: Path) -> None:
    long = "x" * 60_000
    gates = [gate(f"g{n}", when) for n in range(20) for when in ("before", "after")]
    samples = rows(200_000, range(0, 200_000, 3))
    for number, row in enumerate(samples):
        row[0] = number / 10.5
    assert len(made(tmp_path, answer=long, gates=gates, availability=series(samples))) < 1_000_000


def test_a_raw_answer_is_folded_and_says_where_the_rest_is(tmp_path: Path) -> None:
    text = made(tmp_path, answer="<b>\n" * 10_000)
    assert "<details><summary>Raw answer, before</summary>" in text
    assert "Only the beginning is shown; 40.0 kB are in gates/health.before.1.txt." in text
    assert text.count("&lt;b&gt;") <= 240


def test_value_and_threshold_stand_side_by_side(tmp_path: Path) -> None:
    read = Page(made(tmp_path)).text
    needs = "GET /metrics exposes python_gc_objects_collected_total"
    saw = "404"
    assert needs in read
    assert saw in read[read.index(needs) : read.index(needs) + 200]
