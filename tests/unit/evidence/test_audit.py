"""Whatever is done to a journal or to a seal, an audit names the first place where copies part."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from deployctl.evidence import chain
from deployctl.evidence.audit import Audit, audit
from deployctl.evidence.audited import Copy, SealCopy
from deployctl.evidence.chain import line_digest
from deployctl.evidence.known_journal import NOTHING, Known


def digest_of(run: str) -> str:
    return f"sha256:{line_digest(run.encode())}"


def written(runs: Sequence[str], salt: str = "") -> list[bytes]:
    """The journal of those runs: a begin, an end and a seal of each."""
    lines: list[bytes] = []
    before = chain.NO_ENTRY
    for run in runs:
        for event in ("begin", "end", "seal"):
            entry: dict[str, Any] = {"seq": len(lines) + 1, "prev": before, "at": salt}
            entry |= {"event": event, "run": run}
            if event == "seal":
                entry["seal"] = digest_of(run)
            lines.append(json.dumps(entry).encode())
            before = line_digest(lines[-1])
    return lines


RUNS = ("r-1", "r-2", "r-3")
LINES = written(RUNS)


def text(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def seals(lines: Sequence[bytes] = LINES) -> list[SealCopy]:
    """The copies that a laptop has of them."""
    copies = []
    for number, run in enumerate(RUNS):
        begin = 3 * number
        before = line_digest(lines[begin - 1]) if begin else chain.NO_ENTRY
        journal = {
            "id": f"sha256:{line_digest(lines[0])}",
            "seq": begin + 2,
            "headBefore": f"sha256:{before}",
            "headAfter": f"sha256:{line_digest(lines[begin + 1])}",
        }
        previous = digest_of(RUNS[number - 1]) if number else None
        copies.append(SealCopy(f"{run}/seal.json", digest_of(run), run, journal, previous))
    return copies


KNOWN = Known(line_digest(LINES[0]), 9, line_digest(LINES[-1]), len(text(LINES)), "")


def audited(lines: Sequence[bytes], known: Known = NOTHING, **more: Any) -> Audit:
    copies = more.pop("seals", seals())
    return audit(Copy("host", text(lines)), more.pop("others", ()), copies, [known])


def first(found: Audit) -> tuple[int | None, str]:
    assert found.findings
    return found.findings[0].line, found.findings[0].told


def test_copies_that_agree() -> None:
    found = audited(LINES, KNOWN, others=[Copy("ci", text(LINES)), Copy("old", text(LINES[:4]))])
    assert found.findings == ()
    assert (found.entries, found.seals, found.noted, found.unseen) == (9, 3, 3, 0)


def test_an_empty_journal_and_no_seals() -> None:
    assert audit(Copy("host", b""), [], []).findings == ()


def test_a_seal_that_lies_elsewhere_is_only_told() -> None:
    found = audited(LINES, seals=seals()[1:])
    assert found.findings == ()
    assert found.notes == ("not at hand, though the journal notes them: the seals of 1 run: r-1",)
    assert (found.noted, found.unseen) == (3, 1)


def test_a_second_copy_of_a_seal_is_none_of_another() -> None:
    found = audited(LINES, seals=[*seals()[1:], *seals()[1:]])
    assert (found.seals, found.unseen) == (4, 1)


@pytest.mark.parametrize("at", range(9))
def test_an_edited_line_is_named(at: int) -> None:
    lines = list(LINES)
    lines[at] = lines[at].replace(b'"at": ""', b'"at": "x"')
    line, told = first(audited(lines, KNOWN))
    assert line == at + 1, told


@pytest.mark.parametrize("at", range(9))
def test_a_deleted_line_is_named(at: int) -> None:
    lines = [line for number, line in enumerate(LINES) if number != at]
    line, told = first(audited(lines))
    assert line is not None
    assert line <= at + 1, told


@pytest.mark.parametrize("at", range(8))
def test_lines_that_changed_places_are_named(at: int) -> None:
    lines = list(LINES)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    assert first(audited(lines))[0] == at + 1


@pytest.mark.parametrize("left", range(9))
def test_a_journal_that_was_cut_off_is_named_by_the_seals_or_by_what_is_known(left: int) -> None:
    for found in (audited(LINES[:left]), audited(LINES[:left], KNOWN, seals=[])):
        line, told = first(found)
        assert line == left + 1
        assert "cut off" in told


def test_one_that_was_written_anew_is_named_by_seals_and_by_what_is_known() -> None:
    """Its chain is whole; only copies tell."""
    anew = written(RUNS, salt="x")
    assert chain.follow(text(anew)).broken is None
    assert "rewritten" in first(audited(anew))[1]
    assert "rewritten" in first(audited(anew, KNOWN, seals=[]))[1]


@pytest.mark.parametrize("at", range(1, 8))
def test_one_that_was_written_anew_from_some_line_on(at: int) -> None:
    """All after it follows: the first seal, or what is known, that says otherwise is named."""
    lines = list(LINES[:at])
    for number in range(at, 9):
        entry = json.loads(LINES[number])
        entry |= {"prev": line_digest(lines[-1]), "at": "x"}
        lines.append(json.dumps(entry).encode())
    line, told = first(audited(lines))
    assert line is not None
    assert line > at, told
    assert "rewritten" in told or "not the seal" in told


def test_another_copy_that_differs_is_named_with_its_line() -> None:
    other = written(RUNS[:1]) + written(RUNS, salt="x")[3:]
    line, told = first(audited(LINES, others=[Copy("ci", text(other))]))
    assert line == 4
    assert told == "host and ci part at line 4"


def test_another_copy_that_goes_on_shows_what_was_cut_off() -> None:
    line, told = first(audited(LINES[:7], seals=[], others=[Copy("ci", text(LINES))]))
    assert line == 8
    assert "ci has 2 more from line 8" in told


@pytest.mark.parametrize("number", range(3))
def test_a_seal_that_is_not_the_noted_one_is_named(number: int) -> None:
    copies = seals()
    copies[number] = replace(copies[number], digest="sha256:" + "0" * 64)
    line, told = first(audited(LINES, seals=copies))
    assert line == 3 * number + 3
    assert f"r-{number + 1}/seal.json is not the seal" in told


def test_seals_that_changed_places_are_named() -> None:
    one, two, three = seals()
    swapped = [replace(one, digest=two.digest), replace(two, digest=one.digest), three]
    assert first(audited(LINES, seals=swapped))[0] == 3


def test_a_seal_that_can_not_be_read_is_named() -> None:
    broken = SealCopy("x/seal.json", "", "", None, None, fault="it is no seal")
    assert "x/seal.json can't be read" in first(audited(LINES, seals=[*seals(), broken]))[1]


def test_two_seals_in_one_place_of_the_chain() -> None:
    copies = seals()
    forged = replace(copies[1], place="forged/seal.json", run="r-9", digest="sha256:9")
    told = [each.told for each in audited(LINES, seals=[*copies, forged]).findings]
    assert any("both follow the seal" in each for each in told)


@pytest.mark.parametrize(
    "journal", [{}, {"id": 7}, {"seq": "x"}, {"id": "sha256:" + line_digest(LINES[0]), "seq": None}]
)
def test_a_seal_that_says_nonsense_of_the_journal_is_named(journal: dict[str, Any]) -> None:
    copies = seals()
    copies[0] = replace(copies[0], journal=journal)
    assert audited(LINES, seals=copies).findings


EVIL = "0" * 63 + "1"


def with_other_prev(at: int) -> list[bytes]:
    lines = list(LINES)
    lines[at] = lines[at].replace(json.loads(lines[at])["prev"].encode(), EVIL.encode())
    return lines


@pytest.mark.parametrize("at", range(9))
def test_a_line_whose_prev_was_edited_is_named_and_not_the_one_before(at: int) -> None:
    line, told = first(audited(with_other_prev(at), KNOWN))
    assert line == at + 1, told
    assert f"line {at + 1} was edited" in told


def test_of_the_last_two_lines_nobody_may_know_which_was_edited() -> None:
    line, told = first(audited(with_other_prev(8), seals=[]))
    assert line == 8
    assert "line 8 or 9 was edited" in told


@pytest.mark.parametrize("who", ["a copy", "a seal"])
def test_whoever_knows_one_of_the_last_two_tells_which_was_edited(who: str) -> None:
    others = [Copy("ci", text(LINES))] if who == "a copy" else []
    copies = [] if others else seals()
    edited = list(LINES)
    edited[7] = edited[7].replace(b'"at": ""', b'"at": "x"')
    for line, lines in ((8, edited), (9, with_other_prev(8))):
        found = audited(lines, seals=copies, others=others)
        assert f"host: line {line} was edited" in " ".join(each.told for each in found.findings)
        assert found.findings[0].line == line


def test_a_copy_goes_before_what_the_neighbours_say() -> None:
    """Who writes a line's `prev` and all after it anew makes the line before look edited."""
    lines = with_other_prev(4)
    for number in range(5, 9):
        entry = {**json.loads(lines[number]), "prev": line_digest(lines[number - 1])}
        lines[number] = json.dumps(entry).encode()
    assert first(audited(lines, seals=[]))[0] == 4
    assert first(audited(lines, seals=[], others=[Copy("ci", text(LINES))]))[0] == 5


@pytest.mark.parametrize("at", [0, 4, 8])
@pytest.mark.parametrize("end", [b"\r", b" "])
def test_bytes_after_an_entry_are_named(at: int, end: bytes) -> None:
    lines = list(LINES)
    lines[at] += end
    line, told = first(audited(lines))
    assert line == at + 1
    assert ("carriage return" in told) == (end == b"\r")


def test_a_line_that_counts_itself_wrongly() -> None:
    lines = list(LINES)
    lines[4] = lines[4].replace(b'"seq": 5', b'"seq": 50')
    assert "line 5 was edited" in first(audited(lines))[1]


def test_nobody_may_know_the_last_line() -> None:
    assert audited(LINES).unvouched
    assert not audited(LINES, KNOWN).unvouched
    assert not audited(LINES, others=[Copy("ci", text(LINES))]).unvouched
    assert not audited(LINES[:8], seals=seals()).unvouched


@pytest.mark.parametrize("change", [(b'"event": "seal"', b'"event": "xxxx"'), (b"r-3", b"r-9")])
def test_the_last_line_is_named_where_it_may_have_been_edited(change: tuple[bytes, bytes]) -> None:
    line, told = first(audited([*LINES[:8], LINES[8].replace(*change)]))
    assert line == 9, told


def test_a_journal_with_nothing_to_compare_is_whole_by_itself() -> None:
    assert not audited(LINES, seals=[]).compared
    assert not audited(LINES, seals=[], others=[Copy("ci", b"")]).compared
    assert audited(LINES, KNOWN, seals=[]).compared


def test_of_two_journals_under_one_target_the_one_that_is_meant_is_said() -> None:
    other = Known("f" * 64, 3, "e" * 64, 300, "d" * 64)
    found = audit(Copy("host", text(LINES)), [], seals(), [other, KNOWN])
    assert found.findings == ()
    assert "knows 2 journals under this target" in found.notes[0]
    assert KNOWN.journal[:12] in found.notes[0]
    found = audit(Copy("host", text(LINES)), [], [], [other, replace(other, journal="a" * 64)])
    assert "not one of the 2 journals" in first(found)[1]


def test_a_long_journal_takes_moments() -> None:
    runs = [f"r-{number}" for number in range(33_334)]
    data = text(written(runs))
    began = time.process_time()
    assert audit(Copy("host", data), [Copy("ci", data)], []).findings == ()
    assert time.process_time() - began < 4, "2 s where nothing else runs"
