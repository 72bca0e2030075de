"""A rule counts as kept only where the evidence shows it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployctl.events import Approved, Event, StageEnded, StageStarted, Switched
from deployctl.evidence.report.checks import Check, checks
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.words import words_in
from deployctl.result import Rollback, Untouched

from .support import DIGEST, NEW_IMAGE, PLAN, gate, make, stages, story

OUTAGE = "Outage measured"
APPROVED, OTHER, UNNAMED = (
    Approved(by="ana", how="typed", digest=digest) for digest in (DIGEST, "sha256:" + "0" * 64, "")
)
SHIP, ARM, SWAP = (StageStarted(stage=name, title="") for name in ("ship", "arm", "swap"))
ARMED = StageEnded(stage="arm", state="passed", duration_ms=200)
SWITCHED = Switched(service="api", container_id="c" * 64, image_id=NEW_IMAGE)


def found(base: Path, ending: str = "sealed", **values: Any) -> dict[str, Check]:
    return {each.name: each for each in checks(story(base, ending, **values), words_in("en"))}


@pytest.mark.parametrize(
    ("ending", "values", "held"),
    [
        ("sealed", {}, "held"),
        ("rolled-back", {}, "held"),
        ("refused", {}, "held"),
        ("sealed", {"gates": []}, "broken"),
        ("sealed", {"gates": [gate("health", "after", "fail")]}, "broken"),
        ("sealed", {"gates": [gate("a", "after"), gate("b", "after", "fail", mode="advisory")]},
         "held"),
        ("rolled-back", {"rollback": Rollback(performed=True, state="unproven")}, "broken"),
        ("rolled-back", {"rollback": Rollback()}, "broken"),
    ],
)  # fmt: skip
def test_fail_closed(tmp_path: Path, ending: str, values: dict[str, Any], held: str) -> None:
    assert found(tmp_path, ending, **values)["Fail closed"].held == held


def test_a_run_that_found_its_release_live_has_switched_nothing(tmp_path: Path) -> None:
    idle = [each.model_copy(update={"state": "skipped"}) if each.name in {"arm", "swap"} else each
            for each in stages()]  # fmt: skip
    told = found(tmp_path, stages=idle, result="unchanged", told=())
    assert told["Rollback armed before the switch"].held == "none"
    assert told["Fail closed"].held == "held"


def test_an_abandoned_run_that_was_put_back_is_proven_by_the_rollbacks_gates(
    tmp_path: Path,
) -> None:
    back = {
        "command": "rollback", "told": (), "stages": [],
        "rollback": Rollback(performed=True, state="proven", duration_ms=900),
    }  # fmt: skip
    for state, held in (("pass", "held"), ("fail", "broken")):
        gates = [gate("health", "rollback", state)]
        assert found(tmp_path / state, gates=gates, **back)["Fail closed"].held == held


def test_so_is_one_that_was_found_put_back(tmp_path: Path) -> None:
    back = {
        "command": "rollback", "result": "unchanged", "told": (), "stages": [],
        "rollback": Rollback(state="proven"), "gates": [gate("health", "rollback", "pass")],
    }  # fmt: skip
    assert found(tmp_path, **back)["Fail closed"].held == "held"


def test_a_confirmation_that_was_refused_says_nothing_of_what_was_switched(
    tmp_path: Path,
) -> None:
    told = found(tmp_path, "refused", command="confirm")["Fail closed"]
    assert told.held == "none"
    assert "nothing was changed" not in told.told


def test_a_bug_behind_a_swap_is_not_held_where_the_events_are_gone(tmp_path: Path) -> None:
    values = {"result": "bug", "exit_code": 1, "gates": [], "told": ()}
    assert found(tmp_path, **values)["Fail closed"].held == "broken"


def test_an_outage_that_was_not_measured_is_not_held(tmp_path: Path) -> None:
    seen = story(tmp_path)
    measured = seen.result.availability
    assert measured is not None
    unknown = measured.model_copy(update={"downtime_ms": None})
    blind = replace(seen, result=seen.result.model_copy(update={"availability": unknown}))
    held = {told: each.held for told, one in (("seen", seen), ("blind", blind))
            for each in checks(one, words_in("en")) if each.name == OUTAGE}  # fmt: skip
    assert held == {"seen": "held", "blind": "absent"}


def test_an_approval_is_told_with_who_how_and_of_what(tmp_path: Path) -> None:
    told = found(tmp_path)["Approval before the first change"].told
    assert told == f"By ana (typed), over the plan's digest {PLAN['digest']}."


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ((APPROVED, SHIP, ARMED, SWITCHED), "held"),
        ((SHIP, APPROVED, ARMED, SWITCHED), "broken"),
        ((ARM, APPROVED, ARMED, SWITCHED), "broken"),
        ((SWITCHED, APPROVED), "broken"),
        ((OTHER, SHIP, ARMED, SWITCHED), "broken"),
        ((OTHER, SHIP, APPROVED, SWITCHED), "broken"),
        ((UNNAMED, SHIP, ARMED, SWITCHED), "unshown"),
        ((APPROVED,), "unshown"),
        ((SHIP, SWITCHED), "unshown"),  # the seal alone names who
    ],
)
def test_an_approval_counts_of_that_plan_and_before_the_first_change(
    tmp_path: Path, told: tuple[Event, ...], held: str
) -> None:
    assert found(tmp_path, told=told)["Approval before the first change"].held == held


@pytest.mark.parametrize(("approved", "held"), [("ana", "unshown"), ("", "broken")])
def test_a_change_before_the_switch_takes_an_approval_too(
    tmp_path: Path, approved: str, held: str
) -> None:
    seen = story(tmp_path, stages=stages()[:4], told=())
    seen = replace(seen, context=seen.context.model_copy(update={"approved_by": approved}))
    [told] = [each for each in checks(seen, words_in("en")) if each.name.startswith("Approval")]
    assert told.held == held


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ((APPROVED, ARMED, SWITCHED), "held"),
        ((APPROVED, SWITCHED, ARMED), "broken"),
        ((APPROVED, SWAP, ARMED, SWITCHED), "broken"),
        ((APPROVED, ARM, SWITCHED), "broken"),
        ((), "held"),  # the result has its stages in order
    ],
)
def test_a_rollback_counts_that_was_armed_before_the_switch(
    tmp_path: Path, told: tuple[Event, ...], held: str
) -> None:
    assert found(tmp_path, told=told)["Rollback armed before the switch"].held == held


def test_a_result_with_the_switch_before_the_arming_is_not_held(tmp_path: Path) -> None:
    *others, arm, swap = stages()
    told = found(tmp_path, stages=[*others, swap, arm], told=())
    assert told["Rollback armed before the switch"].held == "broken"


def test_a_switch_without_an_armed_rollback_is_told(tmp_path: Path) -> None:
    unarmed = [stage for stage in stages() if stage.name != "arm"]
    name = "Rollback armed before the switch"
    assert found(tmp_path, stages=unarmed, run_id="r")[name].held == "broken"
    assert found(tmp_path)[name].held == "held"
    assert found(tmp_path, "refused")[name].held == "none"


@pytest.mark.parametrize(("same", "held"), [(True, "held"), (False, "broken")])
def test_other_services(tmp_path: Path, same: bool, held: str) -> None:
    others = [Untouched(service="postgres", container_id="p", same=same)]
    told = found(tmp_path, untouched=others)["Other services untouched"]
    assert told.held == held
    assert "postgres" in told.told


def test_what_a_restart_started_again_is_not_told_as_not_restarted(tmp_path: Path) -> None:
    others = [
        Untouched(service="postgres", container_id="p", same=True, restarted=True),
        Untouched(service="redis", container_id="r", same=True),
    ]
    told = found(tmp_path, untouched=others)["Other services untouched"]
    assert told.held == "held"
    assert told.told == (
        "Same containers, not restarted: redis. Same containers, started again after Docker or "
        "the host was restarted: postgres."
    )


def test_names_that_were_erased_are_told_and_nothing_is_missing(tmp_path: Path) -> None:
    directory = make(tmp_path)
    (directory / "people.json").unlink()
    told = {each.name: each for each in checks(read_story(directory), words_in("en"))}
    assert told["Evidence complete"].held == "held"
    assert told["Evidence complete"].told.endswith("Erased, as it names people: people.json.")
    assert "By person-" in told["Approval before the first change"].told


def test_evidence_that_is_not_as_it_was_sealed_is_named(tmp_path: Path) -> None:
    directory = make(tmp_path)
    (directory / "compose.diff").write_text("x")
    [told] = [
        each
        for each in checks(read_story(directory), words_in("en"))
        if each.name == "Evidence complete"
    ]
    assert told.held == "broken"
    assert "compose.diff" in told.told


@pytest.mark.parametrize("erased", [False, True])
def test_a_seal_that_names_no_file_is_not_complete(tmp_path: Path, *, erased: bool) -> None:
    seen = story(tmp_path)
    (people,) = (each for each in seen.artefacts if each.name == "people.json")
    none = replace(seen, artefacts=(replace(people, state="erased"),) if erased else ())
    [told] = [each for each in checks(none, words_in("en")) if each.name == "Evidence complete"]
    assert told.held == "absent"
    assert told.told.startswith("There is no file that could be checked.")


def test_a_seal_without_a_signature_is_called_unsigned(tmp_path: Path) -> None:
    assert found(tmp_path)["Signed"].held == "absent"


def test_a_signature_is_not_called_good_by_a_page_that_can_not_check_it(tmp_path: Path) -> None:
    signed = replace(story(tmp_path), keys=("SHA256:a",))
    [told] = [each for each in checks(signed, words_in("en")) if each.name == "Signed"]
    assert told.held == "unchecked"
    assert "deployctl verify" in told.told
