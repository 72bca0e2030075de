"""`seal.md`: the report that a person would write by hand, in its order. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from deployctl.evidence.report import facts
from deployctl.evidence.report.checks import Check, checks
from deployctl.evidence.report.facts import Cell, Row
from deployctl.evidence.report.measures import moment
from deployctl.evidence.report.plain_text import beginning, one_line, visible
from deployctl.evidence.report.reproduce import Command, commands, verification
from deployctl.evidence.report.story import Answer, Story
from deployctl.evidence.report.words import Words

NAME: Final = "seal.md"
_RAW_CHARACTERS: Final = 1200
_RAW_LINES: Final = 24
_DIFF_CHARACTERS: Final = 40_000
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&!])")
_BEGINS_A_BLOCK: Final = re.compile(r"^(\d{0,9})([-+=.)])(?=\s|[-=]*$)")
"""a list, or a heading's line, where it stands first"""
_ENTITIES: Final = {"/": "&#47;", "@": "&#64;", ".": "&#46;"}
_LINKS: Final = re.compile(r"(?i)(www\.|://|@)")
_PIPES: Final = re.compile(r"(?<!\\)\|")
_MARKS: Final = {"pass": "✓", "fail": "✗", "inconclusive": "?", "error": "!"}
_HELD: Final = {"held": "✓", "broken": "✗"}


def markdown(story: Story, words: Words) -> str:
    sections = (
        ("summary", _summary(story, words)),
        ("before", _evidence(story, words, "before")),
        ("deployed" if story.swapped else "tried", _deployed(story, words)),
        ("compose", _compose(story, words)),
        ("after", _after(story, words)),
        ("checks", _checks(checks(story, words), words)),
        ("figures", _figures(story, words)),
        ("reproduce", _reproduce(story, words)),
        ("artefacts", _artefacts(story, words)),
        ("signatures", _signatures(story, words)),
        ("status", _status(story, words)),
    )
    lines = [
        f"# {text(facts.title(story, words))}",
        "",
        f"**{text(facts.verdict(story, words))}**",
        "",
        *_list(facts.head(story, words)),
        "",
        *_view(story, words),
    ]
    for number, (name, content) in enumerate(sections, 1):
        lines += ["", f"## {number}. {words(f'section.{name}')}", "", *content]
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """Foreign text that no reader of Markdown takes for anything but text, on one line."""
    escaped = _BEGINS_A_BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line(value)))
    # Nor is a link made, or anybody called, of what looks like an address or a name.
    return _LINKS.sub(
        lambda found: "".join(_ENTITIES.get(char, char) for char in found[0]), escaped
    )


def code(value: str) -> str:
    """Inside backticks, whatever is in it."""
    shown = one_line(value)
    if not shown:
        return ""
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def block(value: str, language: str = "") -> list[str]:
    """A fenced block which its content can't end."""
    shown = visible(value).rstrip("\n")
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{fence}{language}", *shown.split("\n"), fence]


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)


def _cell(cell: Cell) -> str:
    return code(cell.text) if cell.kind == "code" else text(cell.text)


def _cells(cells: Iterable[Cell]) -> str:
    return ", ".join(_cell(cell) for cell in cells)


def _list(rows: Iterable[Row]) -> list[str]:
    return [f"- **{text(row.label)}:** {_cells(row.cells)}" for row in rows]


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(titles)
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(map(_in_table, row))} |" for row in rows),
    ]


def _in_table(cell: str) -> str:
    return _PIPES.sub(r"\\|", cell)


def _view(story: Story, words: Words) -> Iterator[str]:
    said = words("view", file=code(story.seal_path.name), digest=code(story.seal_digest))
    yield f"> {said} {words('view.more')} {words('view.said')}".rstrip()


def _summary(story: Story, words: Words) -> list[str]:
    lines = _list(facts.summary(story, words))
    if story.journal.notes:
        lines += ["", f"### {words('section.notes')}", ""]
        lines += [f"- {text(note)}" for note in story.journal.notes]
    return lines


def _gate_table(story: Story, words: Words, when: str) -> list[str]:
    gates = [gate for gate in story.result.gates if gate.when == when]
    titles = (words(f"column.{name}") for name in ("gate", "state", "saw", "needs"))
    rows = []
    for gate in gates:
        state = f"{_MARKS.get(gate.state, '')} {words.name('state', gate.state)}"
        if gate.mode == "advisory":
            state += f" ({words('advisory')})"
        saw = text(gate.observed) or words("nothing")
        if gate.reason:
            saw += f". {text(gate.reason)}"
        rows.append((code(gate.name), state, saw, text(gate.threshold)))
    return _table(titles, rows)


def _evidence(story: Story, words: Words, when: str) -> list[str]:
    if when not in story.whens:
        return [words(f"gates.none.{when}")] if when != "rollback" else []
    lines = _gate_table(story, words, when)
    for answer in story.answers:
        if answer.when == when:
            lines += ["", *_answer(answer, words)]
    return lines


def _answer(answer: Answer, words: Words) -> Iterator[str]:
    asked = answer.asked
    size = words.measures.size(asked.size)
    about = words(
        "raw.about",
        status=asked.status or words("unknown"),
        type=asked.content_type or words("unknown"),
        size=size,
        latency=words.measures.duration(asked.latency_ms),
    )
    yield f"{code(answer.gate)}: {code(asked.asked or answer.artefact)} ({text(about)})"
    yield ""
    if answer.text is None:
        yield words("raw.gone", file=code(answer.artefact))
        return
    shown, whole = beginning(answer.text, _RAW_CHARACTERS, _RAW_LINES)
    yield from block(shown) if shown.strip() else [words("raw.empty")]
    if not whole:
        yield ""
        yield words("raw.cut", size=size, file=code(answer.artefact))


def _deployed(story: Story, words: Words) -> list[str]:
    titles = (words(f"column.{name}") for name in ("stage", "state", "began", "took", "detail"))
    rows = (
        (
            code(stage.name),
            words.name("stage-state", stage.state),
            moment(stage.started_at).partition(" ")[2],
            words.measures.duration(stage.duration_ms),
            text(stage.detail),
        )
        for stage in story.result.stages
    )
    return [*_list(facts.deployed(story, words)), "", *_table(titles, rows)]


def _compose(story: Story, words: Words) -> list[str]:
    lines = _list(facts.compose(story, words))
    if story.diff.strip():
        shown, whole = beginning(story.diff, _DIFF_CHARACTERS, _DIFF_CHARACTERS)
        lines += ["", *block(shown, "diff")]
        if not whole:
            size = words.measures.size(len(story.diff))
            lines += ["", words("raw.cut", size=size, file=code("compose.diff"))]
    elif any(each.name == "compose.diff" and each.state != "whole" for each in story.artefacts):
        lines += ["", words("compose.diff-gone")]
    else:
        lines += ["", words("compose.unchanged")] if lines else [words("compose.unchanged")]
    return lines


def _after(story: Story, words: Words) -> list[str]:
    lines = _evidence(story, words, "after")
    if "rollback" in story.whens:
        lines += ["", f"### {words('section.rollback')}", "", *_evidence(story, words, "rollback")]
    return lines


def _checks(found: Iterable[Check], words: Words) -> list[str]:
    titles = (words(f"column.{name}") for name in ("check", "result", "evidence"))
    return _table(
        titles,
        (
            (
                each.name,
                f"{_HELD.get(each.held, '-')} {words(f'check.{each.held}')}",
                text(each.told),
            )
            for each in found
        ),
    )


def _figures(story: Story, words: Words) -> list[str]:
    titles = (words("column.figure"), words("column.value"))
    return _table(titles, ((row.label, _cells(row.cells)) for row in facts.figures(story, words)))


def _reproduce(story: Story, words: Words) -> list[str]:
    found = commands(story, words)
    if not found:
        return [words("reproduce.none")]
    return [words("reproduce.intro"), "", *_console(found, words)]


def _console(found: Iterable[Command], words: Words) -> list[str]:
    lines = []
    for command in found:
        lines += [f"# {one_line(command.about)}", visible(command.line)]
        if command.expected:
            lines.append(f"# {words('reproduce.expected')} {one_line(command.expected)}")
        if command.seen:
            seen = words("reproduce.saw", when=command.when)
            lines.append(f"# {seen} {one_line(command.seen)}")
        lines.append("")
    return block("\n".join(lines).rstrip("\n"), "bash")


def _artefacts(story: Story, words: Words) -> list[str]:
    if not story.artefacts:
        return [words("artefacts.none")]
    titles = (words(f"column.{name}") for name in ("name", "size", "sha256", "state"))
    rows = (
        (
            code(each.name),
            words.measures.size(each.size),
            code(each.sha256),
            words(f"artefact.{each.state}"),
        )
        for each in story.artefacts
    )
    lines = _table(titles, rows)
    if story.dropped:
        lines += ["", words("artefacts.dropped", names=", ".join(map(code, story.dropped)))]
    return lines


def _signatures(story: Story, words: Words) -> list[str]:
    lines = _list(facts.signatures(story, words))
    if story.keys or story.approvals or story.validations:
        lines += ["", words("signatures.unchecked")]
    return [*lines, "", *_console(verification(story, words), words)]


def _status(story: Story, words: Words) -> list[str]:
    said = words("view", file=code(story.seal_path.name), digest=code(story.seal_digest))
    return [
        f"**{text(facts.verdict(story, words))}** ({words('exit', code=story.result.exit_code)})",
        "",
        f"- **{words('label.production')}:** {_cell(facts.ended(story.result.production, words))}",
        f"- **{words('label.outage')}:** {text(facts.outage(story, words))}",
        *([f"- **{words('label.next')}:** {_cell(facts.ended(story.result.next_step, words))}"]
          if story.result.next_step else []),
        *_list(facts.validated(story, words)),
        f"- **{words('label.sealed-at')}:** {text(story.sealed_at)} ({text(story.tool)})",
        "",
        said,
    ]  # fmt: skip
