"""What a report tells, section by section, as rows that Markdown and HTML only lay out. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from deployctl.errors import ExitCode
from deployctl.evidence.report.measures import moment, short
from deployctl.evidence.report.story import CONFIRMED, Story
from deployctl.evidence.report.words import Words
from deployctl.result import SCHEMA_VERSION, Availability, Release, Result

Kind = Literal["words", "code", "said", "typed"]
Tone = Literal["good", "warn", "bad", "stop"]
_BAD: Final = frozenset({ExitCode.BUG, ExitCode.ROLLBACK_FAILED, ExitCode.SEAL_FAILED})
_WARN: Final = frozenset({ExitCode.ROLLED_BACK, ExitCode.INCONCLUSIVE, ExitCode.INTERRUPTED})
_FILES: Final = 20
_WINDOWS: Final = 8


@dataclass(frozen=True)
class Cell:
    """`code`: an identity or a path; `said`: what was recorded, in English; `typed`: by people, in
    whatever language."""

    text: str
    kind: Kind = "words"


@dataclass(frozen=True)
class Row:
    label: str
    cells: tuple[Cell, ...]


def code(text: str | None) -> Cell:
    return Cell(text or "", "code")


def said(text: str | None) -> Cell:
    return Cell(text or "", "said")


def ended(text: str, words: Words) -> Cell:
    """What the tool says of the end: in the reader's language, where all of it is known there."""
    translated = words.sentences.translated(text)
    return said(text) if translated is None else Cell(translated)


def typed(text: str | None) -> Cell:
    return Cell(text or "", "typed")


def tone(story: Story) -> Tone:
    """How a person should feel about the end, at a glance; the words say the same."""
    return tone_of(story.result.exit_code)


def tone_of(exit_code: int) -> Tone:
    if exit_code == 0:
        return "good"
    if exit_code in _BAD:
        return "bad"
    return "warn" if exit_code in _WARN else "stop"


def verdict(story: Story, words: Words) -> str:
    return words.name("verdict", story.result.result)


def title(story: Story, words: Words) -> str:
    command = words.name("command", story.result.command)
    return words("title", command=command, target=story.result.target or words("unknown"))


def _rows(*rows: tuple[str, Cell | tuple[Cell, ...]]) -> tuple[Row, ...]:
    """Those that have something to say."""
    told = (Row(label, (cell,) if isinstance(cell, Cell) else cell) for label, cell in rows)
    return tuple(
        Row(row.label, kept)
        for row in told
        if (kept := tuple(cell for cell in row.cells if cell.text))
    )


def head(story: Story, words: Words) -> tuple[Row, ...]:
    """Who, what, where, when."""
    plan = story.plan.decisions if story.plan else None
    commit = plan.commit if plan else None
    release = story.result.release
    sha = commit.sha if commit else (release.sha if release else story.context.commit)
    return _rows(
        (words("label.date"), Cell(moment(story.started_at))),
        (words("label.target"), code(story.result.target)),
        (words("label.host"), code(story.context.host)),
        (words("label.asked"), code(story.context.asked)),
        (words("label.commit"), (code(sha), typed(commit.subject if commit else ""))),
        (words("label.run"), code(story.result.run_id)),
        (words("label.newer"), Cell(_newer(story, words))),
        (words("label.operator"), code(story.context.operator)),
        (words("label.approved"), Cell(_approved(story, words))),
        (words("label.reviewed"), _reviewed(story, words)),
    )


def _newer(story: Story, words: Words) -> str:
    version = story.result.schema_version
    return words("newer", version=version) if version > SCHEMA_VERSION else ""


def _approved(story: Story, words: Words) -> str:
    given = story.journal.approval
    if given is not None:
        how = words.name("how", given.how)
        return words("approved.by", by=given.by, how=how, at=moment(given.at))
    if story.context.approved_by:
        return words("approved.by-only", by=story.context.approved_by)
    return words("approved.not")


def _reviewed(story: Story, words: Words) -> tuple[Cell, ...]:
    """What the CI says of it. Empty outside a CI that was to say something."""
    told = story.context.ci_reviews
    if told is None:
        return ()
    if told.not_told:
        return (Cell(words("reviewed.unknown")), said(told.not_told))
    reviews = "; ".join(
        words(
            "reviewed.by",
            state=words.name("review-state", each.state),
            by=each.by,
            where=", ".join(each.environments),
        )
        for each in told.reviews
    )
    return (Cell(reviews or words("reviewed.not")),)


def summary(story: Story, words: Words) -> tuple[Row, ...]:
    result = story.result
    failing = [gate for gate in result.gates if gate.when == "before" and gate.state != "pass"]
    ending = words("exit", code=result.exit_code)
    return _rows(
        (words("label.gates-before"), said("; ".join(f"{g.name}: {g.observed}" for g in failing))),
        (words("label.result"), Cell(f"{verdict(story, words)} ({ending})")),
        (words("label.reason"), ended(result.reason, words)),
        (words("label.production"), ended(result.production, words)),
        (words("label.outage"), Cell(outage(story, words))),
        (
            words("label.rollback"),
            Cell(rollback(story, words) if result.rollback.performed else ""),
        ),
        (words("label.next"), ended(result.next_step, words)),
    )


def highlights(story: Story, words: Words) -> tuple[Row, ...]:
    """The few figures that stand at the top."""
    after = gates_of(story, words, "after")
    back = [gate.state for gate in story.result.gates if gate.when == "rollback"]
    if back:
        told = words("gates.back", passed=back.count("pass"), count=len(back))
        after = f"{after}; {told}"
    return _rows(
        (words("label.gates"), Cell(after or gates_of(story, words, "before"))),
        (words("label.outage"), Cell(outage_short(story, words))),
        (words("label.rollback"), Cell(rollback(story, words))),
        (words("label.took"), Cell(words.measures.duration(story.result.duration_ms))),
    )


def outage_short(story: Story, words: Words) -> str:
    return outage_of(story.result, words)


def outage_of(result: Result, words: Words) -> str:
    """Always with its resolution, and with how long nothing was measured."""
    seen, measures = result.availability, words.measures
    if seen is None or seen.downtime_ms is None:
        return words("outage.unmeasured")
    resolution = measures.duration(seen.resolution_ms)
    if not seen.failures:
        told = words("outage.none", resolution=resolution)
    else:
        lasted = measures.duration(seen.downtime_ms)
        told = words(f"outage.{_extent(seen)}", outage=lasted, resolution=resolution)
    if not seen.unknown:
        return told
    return f"{told}; {words('outage.blind', time=measures.duration(seen.unknown_ms))}"


def _extent(seen: Availability) -> str:
    if seen.still_down:
        return "open"
    return "least" if seen.unknown else "seen"


def outage(story: Story, words: Words) -> str:
    told = outage_short(story, words)
    detail = probes(story, words)
    return f"{told} ({detail})" if detail else told


def _windows(story: Story, words: Words) -> str:
    """Where there was more than one outage, each: their sum is what is told elsewhere."""
    found = story.series.outages if story.series else ()
    if story.series is None or len(found) < 2:
        return ""
    lasted, offset = words.measures.duration, story.seconds(story.series.started_at) * 1000
    told = [
        words(
            "outages.one" if each.over else "outages.least",
            outage=lasted(each.ended_ms - each.began_ms),
            at=lasted(offset + each.began_ms),
        )
        for each in found[:_WINDOWS]
    ]
    if len(found) > _WINDOWS:
        told.append(words("and-more", count=len(found) - _WINDOWS))
    return "; ".join(told)


def probes(story: Story, words: Words) -> str:
    seen, number = story.result.availability, words.measures.number
    if seen is None:
        return ""
    failures, total = number(seen.failures), number(seen.probes)
    told = words("outage.probes", failures=failures, probes=total)
    if seen.unknown:
        told += "; " + words("outage.unknown", count=number(seen.unknown))
    return told


def rollback(story: Story, words: Words) -> str:
    ended = story.result.rollback
    if not ended.performed:
        return words("rollback.none")
    if ended.state == "proven" and ended.duration_ms is not None:
        return words("rollback.proven", took=words.measures.duration(ended.duration_ms))
    return words.name("rollback", ended.state)


def gates_of(story: Story, words: Words, when: str) -> str:
    states = [gate.state for gate in story.result.gates if gate.when == when]
    if not states:
        return ""
    return words("gates.of", passed=states.count("pass"), count=len(states))


def deployed(story: Story, words: Words) -> tuple[Row, ...]:
    result = story.result
    release = result.release
    return _rows(
        (words("label.release"), _release(release)),
        (words("label.image-id"), code(release.image_id if release else "")),
        (words("label.source"), code(release.source_digest if release else "")),
        (words("label.before"), (*_release(result.previous), _id(result.previous))),
        (words("label.shipped"), Cell(_shipped(story, words))),
        (words("label.build"), Cell(_build(story, words))),
        *_planned(story, words),
        (words("label.engine"), Cell(_engine(story))),
    )


def _release(release: Release | None) -> tuple[Cell, ...]:
    if release is None:
        return ()
    return (code(release.number), code(release.image), code((release.sha or "")[:12]))


def _id(release: Release | None) -> Cell:
    return code(f"sha256:{short(release.image_id)}" if release and release.image_id else "")


def _shipped(story: Story, words: Words) -> str:
    if not story.result.shipped_bytes:
        return ""
    size = words.measures.size(story.result.shipped_bytes)
    files = story.plan.facts.files if story.plan else 0
    return words("shipped.text", size=size, files=words.measures.number(files)) if files else size


def _build(story: Story, words: Words) -> str:
    if story.plan is None or not story.plan.decisions.commit:
        return ""
    if not story.plan.decisions.build:
        return words("build.reused")
    layers = story.plan.facts.layers
    cached = sum(layer.cached for layer in layers)
    return words("build.layers", cached=cached, count=len(layers)) if layers else ""


def _engine(story: Story) -> str:
    return ", ".join(filter(None, (story.context.docker_version, story.context.compose_version)))


def _planned(story: Story, words: Words) -> Iterator[tuple[str, Cell | tuple[Cell, ...]]]:
    if story.plan is None:
        yield words("label.plan"), Cell(words("plan.none"))
        return
    plan, facts = story.plan.decisions, story.plan.facts
    if plan.commit:
        yield words("label.changed"), tuple(_changed(story, words))
    yield words("label.strategy"), code(plan.strategy if plan.swap else "")
    yield words("label.playbook"), (code(plan.playbook), code(short(plan.playbook_digest)))
    yield words("label.plan"), code(story.plan_digest)
    for gate, reason in plan.advisory.items():
        yield words("label.advisory", gate=gate), typed(reason)
    yield words("label.drift"), typed(plan.accept_drift)
    for warning in facts.warnings:
        yield words("label.warning"), said(warning)


def _changed(story: Story, words: Words) -> Iterator[Cell]:
    changed = story.plan.facts.changed if story.plan else None
    if changed is None:
        yield Cell(words("changed.unknown"))
    elif not changed:
        yield Cell(words("changed.none"))
    else:
        yield from (code(f"{file.status} {file.path}") for file in changed[:_FILES])
        if len(changed) > _FILES:
            yield Cell(words("and-more", count=len(changed) - _FILES))


def signatures(story: Story, words: Words) -> tuple[Row, ...]:
    """Whose names are under it, as the seal says, and what it hangs on to."""
    journal, previous = story.host_journal, story.previous_seal
    return _rows(
        (words("label.signed"), tuple(code(key) for key in story.keys)),
        (
            words("label.unsigned"),
            Cell("" if story.keys else words("signatures.none")),
        ),
        (words("label.why"), said("" if story.keys else story.unsigned_because)),
        *(
            (words("label.approval"), (code(each.by), code(each.fingerprint)))
            for each in story.approvals
        ),
        *_validated(story, words),
        (words("label.previous-seal"), code(previous.digest if previous else "")),
        (words("label.journal-before"), code(journal.head_before if journal else "")),
        (words("label.journal-after"), code(journal.head_after if journal else "")),
    )


def _validated(story: Story, words: Words) -> Iterator[tuple[str, Cell | tuple[Cell, ...]]]:
    """The one line that a report leaves open until a person has signed."""
    if not any(each.by for each in story.validations):
        yield words("label.validated"), Cell(words("validated.open"))
    for each in story.validations:
        if each.by:
            claimed = (code(each.by), code(each.keyid), Cell(each.at))
            yield words("label.validated"), (*claimed, Cell(words("validated.unchecked")))
        else:
            yield words("label.validated"), (code(each.file), Cell(words("validated.none")))


def validated(story: Story, words: Words) -> tuple[Row, ...]:
    return _rows(*_validated(story, words))


def compose(story: Story, words: Words) -> tuple[Row, ...]:
    if story.plan is None:
        return ()
    plan = story.plan.decisions
    rows: list[tuple[str, Cell | tuple[Cell, ...]]] = []
    for file in plan.files:
        rows += [
            (words("label.file"), code(file.path)),
            (words("label.sha-before"), code(file.before_sha256)),
            *_digests_after(story, words, file.after_sha256),
        ]
    if plan.repair:
        told = words("repair.text", path=plan.repair.path, source=plan.repair.source)
        rows.append((words("label.repair"), (Cell(told), code(plan.repair.broken_sha256))))
    return _rows(*rows)


def _digests_after(story: Story, words: Words, planned: str) -> Iterator[tuple[str, Cell]]:
    """What the file was to become, and what it is, where that is something else."""
    if story.result.result in CONFIRMED:
        yield words("label.sha-after"), code(planned)
        return
    yield words("label.sha-tried"), code(planned)
    yield words("label.sha-now"), Cell(words(f"sha-now.{_file_now(story)}"))


def _file_now(story: Story) -> str:
    rollback = story.result.rollback
    if rollback.state == "proven":
        if not story.journal.known:
            return "unshown"
        return "edited" if story.journal.foreign_edit else "back"
    # Asked to go back, a host may say that it had changed nothing.
    changed = story.swapped and rollback.duration_ms is None
    unknown = rollback.performed or rollback.state == "failed" or changed
    return "unknown" if unknown else "untouched"


def figures(story: Story, words: Words) -> tuple[Row, ...]:
    result, measures = story.result, words.measures
    took = {stage.name: stage.duration_ms for stage in result.stages if stage.state != "skipped"}

    def lasted(stage: str) -> Cell:
        return Cell(measures.duration(took[stage]) if stage in took else "")

    back = result.rollback.duration_ms
    return _rows(
        (words("figure.total"), Cell(measures.duration(result.duration_ms))),
        (words("figure.ship"), lasted("ship")),
        (
            words("figure.shipped"),
            Cell(measures.size(result.shipped_bytes) if result.shipped_bytes else ""),
        ),
        (words("figure.build"), lasted("build")),
        (words("figure.swap"), lasted("swap")),
        (words("figure.gate"), lasted("gate")),
        (words("figure.outage"), Cell(outage_short(story, words))),
        (words("figure.outages"), Cell(_windows(story, words))),
        (words("figure.probes"), Cell(probes(story, words))),
        (words("figure.rollbacks"), Cell(str(int(result.rollback.performed)))),
        (words("figure.rollback"), Cell(measures.duration(back) if back is not None else "")),
        (words("figure.gates-before"), Cell(gates_of(story, words, "before"))),
        (words("figure.gates-after"), Cell(gates_of(story, words, "after"))),
        (words("figure.gates-rollback"), Cell(gates_of(story, words, "rollback"))),
    )
