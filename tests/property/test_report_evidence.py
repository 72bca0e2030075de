"""Any evidence gives a report, or a sentence that says why there is none."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.report.views import views
from deployctl.evidence.report.words import LANGUAGES
from deployctl.evidence.statement import read_seal
from tests.unit.evidence.report import hostile
from tests.unit.evidence.report.hostile import Page
from tests.unit.evidence.report.support import make

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from([hostile.ALL, "", "sha256:", "2026-01-03T07:32:00Z", "0001-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
ENDINGS = st.sampled_from(["sealed", "rolled-back", "refused"])


def told(directory: Path, language: Any) -> None:
    try:
        made = views(directory, language)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    assert Page(made.html).faults == []
    assert not [char for char in hostile.INVISIBLE if char in made.html + made.markdown]
    made.html.encode()
    made.markdown.encode()


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    items = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    return [way, *(place for key, item in items for place in places(item, (*way, key)))]


def put(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    inner = document
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return document


@settings(max_examples=30)
@given(ending=ENDINGS, language=st.sampled_from(LANGUAGES), data=st.data())
def test_any_value_anywhere_in_the_seal(ending: str, language: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        directory = make(Path(place), ending)
        path = directory / "seal.json"
        document = {**read_seal(path).predicate, "type": "deployctl.seal"}
        way = data.draw(st.sampled_from(places(document)))
        changed = put(document, way, data.draw(VALUES))
        path.write_bytes(canonical_json(changed))
        told(directory, language)


@settings(max_examples=30)
@given(ending=ENDINGS, language=st.sampled_from(LANGUAGES), seed=st.integers(), data=st.data())
def test_any_damage_to_any_file(ending: str, language: str, seed: int, data: st.DataObject) -> None:
    chance = random.Random(seed)  # noqa: S311 - to choose bytes
    with tempfile.TemporaryDirectory() as place:
        directory = make(Path(place), ending)
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        for path in data.draw(st.lists(st.sampled_from(files), min_size=1, unique=True)):
            match data.draw(st.sampled_from(["gone", "empty", "cut", "noise", "folder"])):
                case "gone":
                    path.unlink()
                case "empty":
                    path.write_bytes(b"")
                case "cut":
                    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size + 1)])
                case "noise":
                    path.write_bytes(chance.randbytes(200))
                case _:
                    path.unlink()
                    path.mkdir()
        told(directory, language)


@settings(max_examples=30)
@given(
    language=st.sampled_from(LANGUAGES),
    lines=st.lists(st.text(max_size=60) | VALUES.map(json.dumps), max_size=6),
    series=VALUES,
    answer=st.text(max_size=300),
)
def test_any_content_of_files_that_are_as_they_were_sealed(
    language: str, lines: list[str], series: Any, answer: str
) -> None:
    for content in (series, {"startedAt": "2026-01-03T07:32:01Z", "rows": [series]}):
        with tempfile.TemporaryDirectory() as place:
            told(
                make(
                    Path(place),
                    answer=answer,
                    asked=answer,
                    availability=json.dumps(content),
                    journal="\n".join(lines),
                ),
                language,
            )
