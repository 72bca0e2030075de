"""A run is told from its seal and from files that are as they were sealed; nothing else."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope, Signature
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.views import views
from deployctl.evidence.statement import read_seal
from deployctl.gates.outage import Cause, Sample, summarize
from deployctl.result import SCHEMA_VERSION

from .support import PLAN, at, make, rows, series, story


def rewrite(directory: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same run, with another seal."""
    path = directory / "seal.json"
    document = read_seal(path).predicate
    change(document)
    path.write_bytes(canonical_json({**document, "type": "deployctl.seal"}))
    return directory


def test_it_names_the_seal_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    directory = make(tmp_path)
    told = read_story(directory)
    digest = sha256((directory / "seal.json").read_bytes()).hexdigest()
    assert told.seal_digest == f"sha256:{digest}"
    assert told.seal_path == directory / "seal.json"


def test_it_has_result_plan_journal_answers_and_probe(tmp_path: Path) -> None:
    told = story(tmp_path, "rolled-back")
    assert told.result.exit_code == 21
    assert told.plan is not None
    assert told.plan.decisions.commit is not None
    assert told.plan.decisions.commit.subject == "Expose /metrics"
    assert told.journal.approval is not None
    assert told.journal.approval.how == "typed"
    assert told.journal.switched == at(5.6)
    assert told.journal.rollback_ended == at(13.5)
    assert told.journal.notes == ("The host's clock is 41 s behind.",)
    assert [(each.gate, each.when, each.text) for each in told.answers] == [
        ("health", "before", '{"status":"ok"}'),
        ("health", "after", '{"status":"ok"}'),
    ]
    assert told.whens == ("before", "after", "rollback")
    assert told.series is not None
    assert len(told.series.samples) == 720


def test_the_outages_are_those_that_the_probe_told(tmp_path: Path) -> None:
    found = story(tmp_path).series
    assert found is not None
    samples = [
        Sample(at / 1000, took / 1000, Cause.OK if how == "ok" else Cause.REFUSED)
        for at, took, how in rows()
    ]
    expected = summarize(samples, 0.025, 18.0).outages
    assert [(o.began_ms, o.ended_ms, o.failures) for o in found.outages] == [
        (round(o.began * 1000), round(o.ended * 1000), o.failures) for o in expected
    ]


def test_an_outage_that_is_not_over_is_told_as_such(tmp_path: Path) -> None:
    found = story(tmp_path, availability=series(rows(200, range(150, 200)))).series
    assert found is not None
    [outage] = found.outages
    assert not outage.over


@pytest.mark.parametrize("name", ["events.ndjson", "availability.json", "compose.diff"])
def test_a_file_that_is_not_as_it_was_sealed_is_named_and_not_used(
    tmp_path: Path, name: str
) -> None:
    directory = make(tmp_path)
    data = bytearray((directory / name).read_bytes())
    data[-1] ^= 1
    (directory / name).write_bytes(data)
    told = read_story(directory)
    assert [each.name for each in told.artefacts if each.state == "changed"] == [name]
    used = {
        "events.ndjson": told.journal.known,
        "availability.json": told.series,
        "compose.diff": told.diff,
    }
    assert not used[name]


def test_a_file_that_is_gone_is_told_as_missing(tmp_path: Path) -> None:
    directory = make(tmp_path)
    (directory / "gates/health.after.1.txt").unlink()
    told = read_story(directory)
    assert [each.name for each in told.artefacts if each.state == "missing"] == [
        "gates/health.after.1.txt"
    ]
    assert told.answers_to("health", "after")[0].text is None


def test_a_file_that_the_seal_does_not_name_is_not_looked_at(tmp_path: Path) -> None:
    directory = make(tmp_path, "rolled-back")  # in which the gate was asked after the rollback
    (directory / "gates/health.rollback.1.txt").write_text("forged")
    told = read_story(directory)
    assert told.gate("health", "rollback") is not None
    assert not told.answers_to("health", "rollback")


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", "", "a\nb", "."])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "production" / "secret").parent.mkdir()
    (tmp_path / "production" / "secret").write_text("hunter2")
    listed = {"name": name, "sha256": "0" * 64, "sizeBytes": 7}
    directory = rewrite(make(tmp_path), lambda seal: seal["artefacts"].append(listed))
    [found] = [each for each in read_story(directory).artefacts if each.name == name]
    assert (found.state, found.content) == ("missing", b"")


def test_a_link_or_a_pipe_in_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    import os  # noqa: PLC0415

    directory = make(tmp_path)
    (tmp_path / "elsewhere").write_bytes((directory / "compose.diff").read_bytes())
    (directory / "compose.diff").unlink()
    (directory / "compose.diff").symlink_to(tmp_path / "elsewhere")
    (directory / "events.ndjson").unlink()
    os.mkfifo(directory / "events.ndjson")
    told = read_story(directory)
    assert {each.name for each in told.artefacts if each.state == "missing"} == {
        "compose.diff",
        "events.ndjson",
    }


def test_damaged_lines_are_counted_and_the_others_read(tmp_path: Path) -> None:
    from deployctl.evidence.report import journal  # noqa: PLC0415

    good = '{"type": "switched", "at": "2026-01-03T07:32:05Z", "service": "api"}'
    text = f'{good}\n{{"type": "switched"\n\n[1]\n{{"type": "note", "at": 1e999}}\n'
    read = journal.read(text, {})
    assert read.unread == 3
    assert read.switched == at(5.0)


@pytest.mark.parametrize(
    "row", [[1], [1, 2], ["a", 2, "ok"], [-1, 2, "ok"], [1, float("nan"), "ok"], None, {}]
)
def test_a_row_that_is_no_sample_is_left_out_and_counted(tmp_path: Path, row: Any) -> None:
    found = story(tmp_path, availability=series([*rows(10, ()), row])).series
    assert found is not None
    assert (len(found.samples), found.unread) == (10, 1)


class TestWithoutASealThatCanBeRead:
    def test_there_is_no_story_but_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="has no seal to read"):
            read_story(tmp_path)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[" * 100_000,
            b"[]",
            b"{}",
            b'{"type": "deployctl.seal"}',
            b'{"type": "deployctl.seal", "result": {}}',
        ],
    )
    def test_every_other_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "seal.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"seal\.json can't be read"):
            read_story(tmp_path)

    @pytest.mark.parametrize("number", [10**400, -(2**60), 2**53 + 1])
    def test_a_number_that_no_reader_keeps_is_refused(self, tmp_path: Path, number: int) -> None:
        directory = make(tmp_path)
        with pytest.raises(ValueError, match="number that no reader of JSON keeps"):
            read_story(rewrite(directory, lambda seal: seal["result"].update(durationMs=number)))

    def test_a_time_that_no_clock_shows_is_refused(self, tmp_path: Path) -> None:
        directory = make(tmp_path)
        late = "9999-12-31T23:59:59-23:00"
        with pytest.raises(ValueError, match="no clock"):
            read_story(rewrite(directory, lambda seal: seal["result"].update(startedAt=late)))


class TestASealOfALaterVersion:
    def later(self, directory: Path, **changes: Any) -> Path:
        def change(seal: dict[str, Any]) -> None:
            result = seal["result"] | {"later": {"a": [1]}} | changes
            result["gates"] = [gate | {"later": 1} for gate in result["gates"]]
            result["availability"] |= {"later": None}
            seal["result"] = result

        return rewrite(directory, change)

    def test_is_read_as_far_as_it_is_known_here(self, tmp_path: Path) -> None:
        told = read_story(self.later(make(tmp_path)))
        assert (told.result, told.history[0].result) == (story(tmp_path).result,) * 2

    @pytest.mark.parametrize(("version", "told"), [(SCHEMA_VERSION, 0), (SCHEMA_VERSION + 1, 1)])
    def test_says_so_where_its_form_is_another(
        self, tmp_path: Path, version: int, told: int
    ) -> None:
        made = views(self.later(make(tmp_path), schemaVersion=version))
        for text in (made.markdown, made.html):
            assert text.count("a later deployctl wrote this result") == told

    def test_is_refused_where_something_known_is_of_another_type(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"seal\.json can't be read here: exitCode"):
            read_story(self.later(make(tmp_path), exitCode="none"))


class TestASealInAnEnvelope:
    def envelope(self, directory: Path, **changes: Any) -> Path:
        path = directory / "seal.json"
        document = read_seal(path).predicate
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [],
            "predicateType": "urn:deployctl:rollout:1",
            "predicate": document,
            **changes,
        }
        payload = Envelope(IN_TOTO, canonical_json(statement))
        path.write_bytes(payload.signed(Signature("SHA256:abc", b"x")).encode())
        return directory

    def test_is_read_as_one_without(self, tmp_path: Path) -> None:
        told = read_story(self.envelope(make(tmp_path)))
        assert told.statement
        assert told.keys == ("SHA256:abc",)
        assert told.result.result == "sealed"
        assert all(each.state == "whole" for each in told.artefacts)

    @pytest.mark.parametrize("changes", [{"_type": "x"}, {"predicateType": "x"}, {"predicate": []}])
    def test_of_something_else_is_refused(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="can't be read as a seal"):
            read_story(self.envelope(make(tmp_path), **changes))


class TestTheHistory:
    def test_has_the_runs_up_to_this_one_newest_first(self, tmp_path: Path) -> None:
        for day in range(1, 6):
            make(tmp_path, run_id=f"2026010{day}T000000Z-hotfix-aaaaa{day}")
        told = read_story(tmp_path / "production" / "20260104T000000Z-hotfix-aaaaa4")
        assert [past.run_id[:8] for past in told.history] == [
            "20260104", "20260103", "20260102", "20260101",
        ]  # fmt: skip
        assert [past.this for past in told.history] == [True, False, False, False]

    def test_leaves_out_what_has_no_seal_or_is_another_targets(self, tmp_path: Path) -> None:
        this = make(tmp_path)
        (this.parent / "20260101T000000Z-hotfix-nosea1").mkdir()
        other = make(tmp_path / "x", run_id="20260102T000000Z-hotfix-others", target="staging")
        other.rename(this.parent / other.name)
        assert [past.run_id for past in read_story(this).history] == [this.name]

    @pytest.mark.parametrize(
        ("host", "shown"),
        [
            ("deploy@vps.example.com:22", True),
            ("person-0123456789ab@vps.example.com:22", True),
            ("vps.example.com", True),  # of a run that never reached it
            ("deploy@other.example.com:22", False),
            ("deploy@vps.example.com:2222", False),
            ("other.example.com", False),
            ("", False),
        ],
    )
    def test_leaves_out_runs_on_another_host(
        self, tmp_path: Path, host: str, *, shown: bool
    ) -> None:
        other = make(tmp_path, run_id="20260101T000000Z-hotfix-aaaaaa", host=host)
        told = [past.run_id for past in read_story(make(tmp_path)).history]
        assert (other.name in told) == shown

    @pytest.mark.parametrize(("project", "shown"), [("techno-os", 2), ("", 2), ("other", 1)])
    def test_leaves_out_runs_of_another_project(
        self, tmp_path: Path, project: str, shown: int
    ) -> None:
        plan = {**PLAN, "decisions": {**PLAN["decisions"], "project": project}}
        make(tmp_path, run_id="20260101T000000Z-hotfix-aaaaaa", plan=plan)
        assert len(read_story(make(tmp_path)).history) == shown

    def test_a_run_away_from_the_others_has_only_itself(self, tmp_path: Path) -> None:
        made = make(tmp_path).rename(tmp_path / "copy")
        assert [past.this for past in read_story(made).history] == [True]


def test_times_of_an_old_seal_without_a_zone_are_taken_as_utc(tmp_path: Path) -> None:
    directory = make(tmp_path)
    plain = "2026-01-03T07:32:00"
    told = read_story(rewrite(directory, lambda seal: seal["result"].update(startedAt=plain)))
    assert told.started_at == at(0)
    assert json.loads((directory / "seal.json").read_bytes())["result"]["startedAt"] == plain
