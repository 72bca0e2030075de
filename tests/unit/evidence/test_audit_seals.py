"""Seals that are not what a journal notes, are not there, or tell of it what isn't so."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from deployctl.evidence.audit import Audit, audit
from deployctl.evidence.audited import Copy, SealCopy, Whose
from deployctl.evidence.chain import NO_ENTRY, line_digest
from deployctl.evidence.known_journal import Known

from .test_audit import KNOWN, LINES, RUNS, digest_of, seals, text, written

HOST = Whose("production", "vps:22", "shop")
OTHER = tuple(written(("o-1", "o-2", "o-3"), salt="o"))


def audited(
    copies: Sequence[SealCopy], lines: Sequence[bytes] = LINES, known: Sequence[Known] = (),
    **more: Any,
) -> Audit:  # fmt: skip
    return audit(Copy("host", text(lines)), more.pop("others", ()), copies, known, **more)


def told(found: Audit) -> str:
    return " | ".join(each.told for each in found.findings)


def claiming(number: int, **claims: Any) -> list[SealCopy]:
    """The seals, of which one says something else of the journal."""
    copies = seals()
    copies[number] = replace(copies[number], journal={**(copies[number].journal or {}), **claims})
    return copies


def added(lines: Sequence[bytes], event: str, run: str, **more: str) -> list[bytes]:
    entry = {"seq": len(lines) + 1, "prev": line_digest(lines[-1]), "event": event, "run": run}
    return [*lines, json.dumps({**entry, **more}).encode()]


def named(digest: str) -> str:
    return f"sha256:{digest}"


def of(whose: Whose) -> list[SealCopy]:
    return [replace(seal, whose=whose) for seal in seals()]


def elsewhere(whose: Whose) -> list[SealCopy]:
    """The seals of the other journal."""
    return [
        replace(
            seal, place=f"other/{seal.place}", run=f"o-{number}", digest=digest_of(f"o-{number}"),
            previous=digest_of(f"o-{number - 1}") if number > 1 else None, whose=whose,
        )
        for number, seal in enumerate(seals(OTHER), 1)
    ]  # fmt: skip


def idle(run: str, result: str, seq: int = 9) -> SealCopy:
    """The seal of a run that made no entry."""
    head = named(line_digest(LINES[seq - 1]))
    journal = {
        "id": named(line_digest(LINES[0])), "seq": seq, "headBefore": head, "headAfter": head,
    }  # fmt: skip
    last = digest_of(RUNS[seq // 3 - 1])
    return SealCopy(f"{run}/seal.json", digest_of(run), run, journal, last, result=result)


class TestTwoSealsOfOneRun:
    def test_are_named_with_both_lines(self) -> None:
        lines = added(LINES, "seal", "r-2", seal=named("0" * 64))
        copies = seals()
        copies[1] = replace(copies[1], digest=named("0" * 64))
        found = audited(copies, lines)
        assert found.findings[0].line == 10
        assert "notes two seals of the run r-2, in lines 6 and 10" in told(found)

    def test_the_same_seal_once_more_is_no_other(self) -> None:
        assert audited(seals(), added(LINES, "seal", "r-2", seal=digest_of("r-2"))).findings == ()


class TestSealsThatTheJournalDoesNotNote:
    def test_of_a_run_that_was_refused_rightly(self) -> None:
        found = audited([*seals(), idle("x", "refused")])
        assert found.findings == ()
        assert "since they changed nothing: the seals of 1 run" in found.notes[0]
        assert "if another such was removed, nothing shows it" in found.notes[0]

    @pytest.mark.parametrize("result", ["sealed", "rolled-back", ""])
    def test_of_a_run_that_says_it_did_something(self, result: str) -> None:
        assert "does not note x/seal.json" in told(audited([*seals(), idle("x", result)]))

    def test_that_this_machine_has_yet_to_note(self) -> None:
        seal = idle("x", "sealed")
        found = audited([*seals(), seal], known=[replace(KNOWN, unnoted=(("x", seal.digest),))])
        assert found.findings == ()
        assert "not noted yet" in found.notes[0]

    def test_that_names_no_journal_though_its_run_is_there(self) -> None:
        lines = added(LINES, "begin", "r-4")
        seal = SealCopy("r-4/seal.json", digest_of("r-4"), "r-4", None, None)
        found = audited([*seals(), seal], lines)
        assert found.findings[0].line == 10
        assert "names no journal, but line 10" in told(found)
        assert audited([*seals(), seal]).findings == ()

    def test_that_names_no_journal_and_replaces_the_noted_one(self) -> None:
        copies = seals()
        copies[1] = replace(copies[1], journal=None, digest=named("0" * 64))
        assert "is not the seal that line 6" in told(audited(copies))


class TestSealsThatAreNotAtHand:
    def test_the_oldest_are_removed_by_retention(self) -> None:
        found = audited(seals()[2:])
        assert found.findings == ()
        assert "of 2 runs: r-1, r-2" in found.notes[0]

    @pytest.mark.parametrize("number", [1, 2])
    def test_a_later_one_is_missing(self, number: int) -> None:
        copies = seals()
        del copies[number]
        found = audited(copies)
        assert found.findings[0].line == 3 * number + 3
        assert f"r-{number + 1} (line {3 * number + 3})" in told(found)

    def test_of_this_machine_others_may_have_them(self) -> None:
        assert audited(seals()[:2], all_of_them=False).findings == ()

    def test_a_run_whose_directory_is_there_without_a_seal(self) -> None:
        found = audited(seals()[1:], all_of_them=False, folders={"r-1"})
        assert "r-1 (line 3)" in told(found)

    def test_five_are_named_and_the_others_counted(self) -> None:
        lines = written([f"r-{number}" for number in range(9)])
        found = audited([], lines, folders={f"r-{number}" for number in range(9)})
        assert "of 9 runs: r-0 (line 3)" in told(found)
        assert "r-4 (line 15) and 4 more" in told(found)
        assert "r-5" not in told(found)


class TestSealsThatLieAboutTheJournal:
    @pytest.mark.parametrize("seq", [999, 9, 0, -1, None, True])
    def test_the_seal_is_named_and_not_the_journal(self, seq: object) -> None:
        found = audited(claiming(2, seq=seq))
        assert found.findings[0].told.startswith("r-3/seal.json does not fit")
        assert len(found.findings) == 1

    def test_another_line_than_the_digest_s(self) -> None:
        found = audited(claiming(2, seq=2))
        assert "r-3/seal.json does not fit: it names line 2, and the digest of line 8" in told(
            found
        )

    def test_others_know_that_line(self) -> None:
        found = audited(claiming(1, headAfter=named("0" * 64)))
        assert "r-2/seal.json does not fit: by it line 5" in told(found)
        assert "r-3/seal.json knows the lines up to 8" in told(found)

    def test_another_journal_though_it_is_noted_in_this_one(self) -> None:
        found = audited(claiming(1, id=named("1" * 64)))
        assert found.findings[0].told.startswith("r-2/seal.json does not fit: it names another")

    @pytest.mark.parametrize(
        "claims",
        [
            {"headBefore": named("0" * 64)},
            {"headBefore": named(NO_ENTRY)},
            {"headBefore": named(line_digest(LINES[7]))},
            {"seq": 2, "headAfter": named(line_digest(LINES[1]))},
        ],
    )
    def test_entries_that_are_not_its_run_s(self, claims: dict[str, Any]) -> None:
        found = audited(claiming(2, **claims))
        assert found.findings[0].told.startswith("r-3/seal.json does not fit")

    def test_a_run_that_took_the_lock_twice_names_its_second_job_s(self) -> None:
        lines = added(added(LINES, "begin", "r-4"), "end", "r-4")
        lines = added(added(lines, "begin", "r-4-2"), "end", "r-4-2")
        journal = {
            "id": named(line_digest(LINES[0])), "seq": 13,
            "headBefore": named(line_digest(lines[10])), "headAfter": named(line_digest(lines[12])),
        }  # fmt: skip
        seal = SealCopy("r-4/seal.json", digest_of("r-4"), "r-4", journal, digest_of("r-3"))
        lines = added(lines, "seal", "r-4", seal=seal.digest)
        assert audited([*seals(), seal], lines).findings == ()


class TestASealThatSkipsOne:
    def test_that_is_noted_in_between(self) -> None:
        one, _, three = seals()
        found = audited([one, replace(three, previous=one.digest)])
        assert found.findings[0].line == 6
        assert "r-3/seal.json skips the seal that line 6" in told(found)

    def test_names_none_before_it(self) -> None:
        *_, three = seals()
        assert "none before it" in told(audited([replace(three, previous=None)]))

    def test_names_one_that_is_not_noted(self) -> None:
        *_, three = seals()
        found = audited([replace(three, previous=named("0" * 64))])
        assert "notes no seal sha256:000" in told(found)

    def test_one_that_was_noted_after_it_was_sealed_is_not_skipped(self) -> None:
        """A run that lost the host: the next one of its machine notes its seal."""
        late = idle("late", "sealed", seq=6)
        lines = added(LINES, "seal", "late", seal=late.digest)
        assert audited([*seals(), late], lines).findings == ()


class TestWhoseSealsTheyAre:
    def test_however_the_host_is_spelt(self) -> None:
        copies = [
            replace(seal, whose=Whose("production", host, "shop"))
            for seal, host in zip(seals(), ("vps:22", "alias:22", "vps:2222"), strict=True)
        ]
        assert audited(copies, meant=HOST).seals == 3
        assert "cut off before line 8" in told(audited(copies, LINES[:7], meant=HOST))

    def test_of_another_journal_are_told_and_not_compared(self) -> None:
        others = elsewhere(Whose("production", "two:22", "shop"))
        found = audited([*of(HOST), *others], meant=HOST)
        assert found.findings == ()
        assert "they name another journal" in found.notes[0]
        assert "of 3 runs (two:22)" in found.notes[0]

    def test_of_another_target_are_grouped_by_their_journal(self) -> None:
        """Without a word on the target."""
        others = elsewhere(Whose("staging", "two:22", "shop"))
        found = audited([*of(HOST), *others], others=[Copy("two", text(OTHER))])
        assert found.findings == ()
        assert found.seals == 3

    def test_of_the_same_host_and_another_journal_show_that_it_was_rewritten(self) -> None:
        found = audited(of(HOST), OTHER, meant=HOST)
        assert found.findings[0].line == 1
        assert "rewritten" in told(found)

    def test_a_journal_that_a_person_gave_up(self) -> None:
        gone = replace(KNOWN, journal=line_digest(OTHER[0]), replaced=(line_digest(LINES[0]),))
        known = replace(gone, seq=9, head=line_digest(OTHER[-1]))
        assert audited(of(HOST), OTHER, [known], meant=HOST).findings == ()

    def test_another_host_s_copy_of_its_journal_is_no_part(self) -> None:
        found = audited(seals(), others=[Copy("two", text(OTHER))])
        assert found.findings == ()
        assert "two is of another journal" in found.notes[0]
        found = audited([], others=[Copy("two", text(OTHER))])
        assert "part at line 1" in told(found), "nothing else knows this one"
