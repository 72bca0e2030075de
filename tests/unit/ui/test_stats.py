"""`stats` as text and CSV, and `history` as CSV."""

import csv
import io
from datetime import UTC, datetime

import pytest

from deployctl.evidence.stats.figures import SkippedSeal, StatsDocument, stats
from deployctl.rollout.history import HistoryDocument, HistoryEntry, RunEntry
from deployctl.ui.history import COLUMNS, history_csv
from deployctl.ui.sheet import csv_text
from deployctl.ui.stats import stats_csv, stats_text
from tests.unit.evidence.stats.support import at, run

RUNS = (
    run("sealed", 0, committed_at=at(-3), sha="a", outage_ms=0, resolution_ms=25),
    *(run("rolled-back", day) for day in range(1, 5)),
)


@pytest.fixture
def document() -> StatsDocument:
    return StatsDocument(
        since=at(-9),
        until=at(14),
        services=stats(RUNS, at(-9), at(14)),
        skipped=(SkippedSeal(path="/e/\x1b[2J", reason="it is no JSON"),),
    )


def test_the_text_has_each_figure_with_its_bound_its_sample_and_its_limits(
    document: StatsDocument,
) -> None:
    text = "\n".join(stats_text(document))
    assert "production, project shop" in text
    assert "5 runs from 2026-01-01 to 2026-01-15: 4 rolled-back, 1 sealed" in text
    assert "Deployment frequency: 0.5 per week (of 1)" in text
    assert "Change lead time: 3.0 days (of 1)" in text
    assert "Change failure rate: at least 80% (4 of 5)" in text
    assert "Failed deployment recovery time: 2 min (of 4)" in text
    assert "Outage per switch, median: 0 ms (of 1)" in text
    assert "Deployment rework rate: not enough data (0 of 1 deployments: too few" in text
    assert text.count("      counts ") == text.count("      leaves out ") == 9
    assert "deployctl verify SEAL" in text
    assert "\x1b" not in text


def test_what_is_seldom_is_not_never() -> None:
    found = stats((run("refused", 0), run("sealed", 1)), at(0), at(300))
    document = StatsDocument(since=at(0), until=at(300), services=found, skipped=())
    assert "  Deployment frequency: 0.023 per week (of 1)" in stats_text(document)


def test_the_csv_has_a_line_a_figure(document: StatsDocument) -> None:
    rows = list(csv.DictReader(io.StringIO(stats_csv(document))))
    assert len(rows) == 9
    [rate] = [row for row in rows if row["figure"] == "changeFailureRate"]
    assert (rate["value"], rate["hits"], rate["sample"], rate["lower_bound"]) == (
        "0.8", "4", "5", "true",
    )  # fmt: skip
    [rework] = [row for row in rows if row["figure"] == "deploymentReworkRate"]
    assert rework["value"] == ""


def test_the_history_is_one_table_of_releases_and_runs() -> None:
    when = datetime(2026, 1, 3, tzinfo=UTC)
    document = HistoryDocument(
        target="lab",
        releases=(
            HistoryEntry(
                release="r1", live=True, sha="d7", subject='=HYPERLINK("x"), "it"', image="a:1",
                on_host=True, at=when, by="ana", previous="r0",
            ),
        ),
        runs=(
            RunEntry(
                run_id="one", command="hotfix", revision="d7", result="rolled-back",
                reason="health: 503", at=when, by="ana",
            ),
        ),
    )  # fmt: skip
    release, ended = csv.DictReader(io.StringIO(history_csv(document)))
    assert tuple(release) == COLUMNS
    assert (release["kind"], release["release"], release["live"]) == ("release", "r1", "true")
    assert release["subject"] == '\'=HYPERLINK("x"), "it"'
    assert (ended["kind"], ended["run_id"], ended["release"]) == ("run", "one", "")
    assert (ended["result"], ended["reason"]) == ("rolled-back", "health: 503")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\uff1d1"])
def test_no_text_is_a_formula_for_a_spreadsheet(text: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_text(("x",), [{"x": text}]), newline=""))
    assert row["x"] == f"'{text}"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", " =1", "\n=1", "\x1b[m=1", "\u202e=1"])
def test_nor_is_it_behind_what_is_not_seen(text: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_text(("x",), [{"x": text}]), newline=""))
    assert row["x"].replace(" ", "") == "'=1"


def test_no_text_is_an_order_to_a_terminal_or_turned_around() -> None:
    made = csv_text(("x",), [{"x": "fix\x1b[2J \u202egnp\u2066.exe\x07\nnext, line\ud800"}])
    assert made == 'x\r\n"fix gnp.exe next, line\ufffd"\r\n'


def test_a_number_below_zero_stays_one() -> None:
    assert csv_text(("x",), [{"x": -1.5}]) == "x\r\n-1.5\r\n"
