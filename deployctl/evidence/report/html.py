"""`seal.html`: one file, without a script, that needs nothing from anywhere. Pure.

Everything that goes into the template is made visible and escaped by the environment itself, so no
place in a template can forget it. The only style that a browser accepts is ours, by its hash.
"""

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import jinja2
from markupsafe import Markup

from deployctl.evidence.report import facts, reproduce, timeline
from deployctl.evidence.report.checks import checks
from deployctl.evidence.report.measures import moment, short
from deployctl.evidence.report.plain_text import beginning, visible
from deployctl.evidence.report.story import Answer, Story
from deployctl.evidence.report.words import Words

NAME: Final = "seal.html"
_RAW_CHARACTERS: Final = 6000
_RAW_LINES: Final = 120
_RAW_IN_ALL: Final = 400_000
_DIFF_CHARACTERS: Final = 60_000
_TEMPLATE: Final = "report.html.j2"
_STYLE: Final = "report.css"


@dataclass(frozen=True)
class Shown:
    """A raw answer, as far as it is shown."""

    answer: Answer
    text: str
    whole: bool


def page(story: Story, words: Words) -> str:
    style = _source(_STYLE)
    return _environment().get_template(_TEMPLATE).render(
        story=story,
        result=story.result,
        w=words,
        m=words.measures,
        facts=facts,
        tone=facts.tone(story),
        picture=timeline.picture(story),
        geometry=timeline,
        checks=checks(story, words),
        commands=reproduce.commands(story, words),
        verification=reproduce.verification(story, words),
        raw=_raw(story),
        diff=beginning(story.diff, _DIFF_CHARACTERS, _DIFF_CHARACTERS),
        diff_lost=any(a.name == "compose.diff" and a.state != "whole" for a in story.artefacts),
        lost=[a.name for a in story.artefacts if a.state in ("changed", "missing")],
        style=Markup(style),  # noqa: S704 - a file of ours
        policy=_policy(style),
    )  # fmt: skip


def _policy(style: str) -> str:
    """Nothing is loaded, nothing runs, nothing is sent, and no style but this one counts."""
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"


def _raw(story: Story) -> dict[tuple[str, str], list[Shown]]:
    """By gate and time; what would make the page too large is cut."""
    left = _RAW_IN_ALL
    found: dict[tuple[str, str], list[Shown]] = {}
    for answer in story.answers:
        text, whole = beginning(answer.text or "", min(_RAW_CHARACTERS, left), _RAW_LINES)
        left -= len(text)
        found.setdefault((answer.gate, answer.when), []).append(Shown(answer, text, whole))
    return found


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        finalize=_made_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "moment": moment, "short": short}
    return environment


def _made_visible(value: Any) -> Any:
    """Of each value before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _percent(part: float) -> str:
    return f"{100 * part:.2f}%"


def _source(name: str) -> str:
    return files("deployctl.evidence.report").joinpath("templates", name).read_text("utf-8")
