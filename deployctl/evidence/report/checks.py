"""What the evidence shows of each rule of the house: only what is in it, nothing assumed. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from deployctl.errors import ExitCode
from deployctl.evidence.report import facts
from deployctl.evidence.report.journal import Approval
from deployctl.evidence.report.story import CONFIRMED, Story
from deployctl.evidence.report.words import Words

Held = Literal["held", "broken", "none", "absent", "unshown", "unchecked"]
_CHANGES: Final = ("ship", "build", "backup", "arm", "swap")
"""stages that change something on the host; a playbook has no step of its own before consent that
could"""
_NAMES: Final = 10
_PERSON: Final = int(ExitCode.ROLLBACK_FAILED)


@dataclass(frozen=True)
class Check:
    name: str
    held: Held
    told: str


def checks(story: Story, words: Words) -> tuple[Check, ...]:
    return (
        _fail_closed(story, words),
        _approval(story, words),
        _armed(story, words),
        _untouched(story, words),
        _outage(story, words),
        _evidence(story, words),
        _signature(story, words),
    )


def _check(words: Words, name: str, held: Held, ending: str, **values: object) -> Check:
    return Check(words(f"check.{name}"), held, words(f"check.{name}.{ending}", **values))


def _fail_closed(story: Story, words: Words) -> Check:
    result = story.result
    # Of a run that put an abandoned one back, or found it put back, those that prove that.
    when = "rollback" if result.rollback.state == "proven" else "after"
    required = [g for g in result.gates if g.when == when and g.mode == "required"]
    if result.result in {*CONFIRMED, "unchanged"}:
        if required and all(gate.state == "pass" for gate in required):
            return _check(words, "fail-closed", "held", "passed", count=len(required))
        return _check(words, "fail-closed", "broken", "let-through" if required else "ungated")
    if result.rollback.state == "proven":
        return _check(words, "fail-closed", "held", "back")
    # Of a swap that failed the host may say, when asked to go back, that it had changed nothing.
    taken_back = result.rollback.duration_ms is not None
    changed = story.journal.switched is not None or (story.swapped and not taken_back)
    if result.rollback.performed or result.exit_code == _PERSON or changed:
        return _check(words, "fail-closed", "broken", "stuck")
    if result.command == "confirm":
        return _check(words, "fail-closed", "none", "unconfirmed")
    return _check(words, "fail-closed", "held", "untouched")


def _approval(story: Story, words: Words) -> Check:
    given, by = story.journal.approval, story.context.approved_by
    if given is not None:
        return _given(given, story, words)
    if by:
        return _check(words, "approval", "unshown", "given-only", by=by)
    if _changed(story):
        return _check(words, "approval", "broken", "missing")
    return _check(words, "approval", "none", "not-needed")


def _given(given: Approval, story: Story, words: Words) -> Check:
    plan, journal = story.plan_digest, story.journal
    began = journal.first(*(f"began {stage}" for stage in _CHANGES), "switched")
    approved = journal.first(f"approved {plan}")
    held: Held = "unshown"
    if not (given.digest and plan):
        ending = "of-what"
    elif given.digest != plan:
        held, ending = "broken", "other"
    elif began is not None and (approved is None or approved > began):
        held, ending = "broken", "late"
    elif began is None and _changed(story):
        ending = "when"
    else:
        held, ending = "held", "given"
    told = {"by": given.by, "how": words.name("how", given.how), "digest": given.digest}
    return _check(words, "approval", held, ending, **told, plan=plan)


def _changed(story: Story) -> bool:
    """Something on the host was, or the attempt was made."""
    began = {stage.name for stage in story.result.stages if stage.state != "skipped"}
    return story.swapped or not began.isdisjoint(_CHANGES)


def _armed(story: Story, words: Words) -> Check:
    if not story.swapped:
        name = words("check.armed")
        return Check(name, "none", words("check.approval.not-needed"))
    stages = [stage.name for stage in story.result.stages if stage.state == "passed"]
    if "arm" not in stages:
        return _check(words, "armed", "broken", "no")
    order = [stage.name for stage in story.result.stages]
    armed, swap = story.journal.first("passed arm"), story.journal.first("began swap", "switched")
    late = swap is not None and (armed is None or armed > swap)
    if late or "swap" in order[: order.index("arm")]:
        return _check(words, "armed", "broken", "late")
    if swap is None and "swap" not in order:
        return _check(words, "armed", "unshown", "when")
    guard = words.name("guard", story.plan.decisions.guard if story.plan else "none")
    return _check(words, "armed", "held", "yes", guard=guard)


def _untouched(story: Story, words: Words) -> Check:
    others = story.result.untouched
    changed = [other.service for other in others if not other.same]
    if changed:
        return _check(words, "untouched", "broken", "changed", services=_named(changed, words))
    if not others:
        return _check(words, "untouched", "none", "none")
    told = [
        words(f"check.untouched.{ending}", services=_named(names, words))
        for ending, restarted in (("same", False), ("restarted", True))
        if (names := [other.service for other in others if other.restarted is restarted])
    ]
    return Check(words("check.untouched"), "held", " ".join(told))


def _outage(story: Story, words: Words) -> Check:
    seen = story.result.availability
    measured = seen is not None and seen.downtime_ms is not None
    held: Held = "held" if measured else "absent"
    return Check(words("check.outage"), held, _sentence(facts.outage(story, words)))


def _sentence(told: str) -> str:
    return f"{told[:1].upper()}{told[1:]}."


def _evidence(story: Story, words: Words) -> Check:
    parted = [each.name for each in story.artefacts if each.state in ("changed", "missing")]
    erased = [each.name for each in story.artefacts if each.state == "erased"]
    count = len(story.artefacts) - len(erased)
    held: Held = "held" if count else "absent"
    if parted or story.journal.unread:
        held = "broken"
    told = [words("check.evidence.whole", count=count) if count else words("check.evidence.none")]
    if parted:
        told = [words("check.evidence.parted", count=count, names=_named(parted, words))]
    if erased:
        told.append(words("check.evidence.erased", names=_named(erased, words)))
    if story.dropped:
        told.append(words("check.evidence.dropped", names=_named(story.dropped, words)))
    if story.journal.unread:
        told.append(words("check.evidence.unread", count=story.journal.unread))
    return Check(words("check.evidence"), held, " ".join(told))


def _signature(story: Story, words: Words) -> Check:
    if story.keys:
        # A view can't check its own seal: whoever changed the one changes the other.
        return _check(words, "signature", "unchecked", "yes", count=len(story.keys))
    return _check(words, "signature", "absent", "no")


def _named(names: "list[str] | tuple[str, ...]", words: Words) -> str:
    shown = ", ".join(names[:_NAMES])
    more = len(names) - _NAMES
    return f"{shown}, {words('and-more', count=more)}" if more > 0 else shown
