"""The views of a run: made in memory, or written beside its seal."""

from dataclasses import dataclass
from pathlib import Path

from deployctl.evidence.report import html, markdown
from deployctl.evidence.report.story import read_story
from deployctl.evidence.report.words import Language, words_in
from deployctl.evidence.run_directory import write_private_file


@dataclass(frozen=True)
class Views:
    html: str
    markdown: str


def views(directory: Path, language: Language = "en") -> Views:
    """Of the run whose evidence this directory is. The same evidence gives the same views.

    Raises ValueError where there is no seal that can be read.
    """
    story, words = read_story(directory), words_in(language)
    return Views(html.page(story, words), markdown.markdown(story, words))


def write_views(directory: Path, language: Language = "en") -> Path:
    """Writes both beside the seal; returns the page. Raises ValueError, OSError."""
    made = views(directory, language)
    write_private_file(directory / markdown.NAME, made.markdown.encode())
    write_private_file(directory / html.NAME, made.html.encode())
    return directory / html.NAME
