"""What a report says in its own words, in each language: one table each, with the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from deployctl.evidence.report.measures import ENGLISH, Measures
from deployctl.evidence.report.words import en, pt_br, pt_br_sentences
from deployctl.evidence.report.words.sentences import Sentences

Language = Literal["en", "pt-BR"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


@dataclass(frozen=True)
class Words:
    """`words("outage.none", resolution=…)`. Raises KeyError for words that aren't there."""

    language: Language
    table: Mapping[str, str]
    measures: Measures
    sentences: Sentences

    def __call__(self, key: str, /, **values: object) -> str:
        return self.table[key].format(**values)

    def name(self, kind: str, name: str) -> str:
        """What something of ours is called here; a name that nobody translated stays."""
        return self.table.get(f"{kind}.{name}", name)


_WORDS: Final = {
    "en": Words("en", en.WORDS, ENGLISH, Sentences()),
    "pt-BR": Words(
        "pt-BR",
        pt_br.WORDS,
        Measures(decimal=",", thousands="."),
        Sentences.of(pt_br_sentences.SENTENCES),
    ),
}


def words_in(language: Language) -> Words:
    return _WORDS[language]
