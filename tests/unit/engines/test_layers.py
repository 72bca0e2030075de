"""Which instructions of a Dockerfile are expected from the cache."""

import pytest

from deployctl.engines.compose.layers import expected, instructions

DOCKERFILE = """\
# the API
FROM python:3.11-slim
WORKDIR /srv
COPY requirements.txt .
RUN pip install \\
    -r requirements.txt
COPY app app
CMD ["uvicorn"]
"""


def cached(text: str, *changed: str) -> list[str]:
    return [layer.instruction.split()[0] for layer in expected(text, changed) if layer.cached]


def test_logical_lines_without_comments() -> None:
    assert instructions(DOCKERFILE)[3] == "RUN pip install -r requirements.txt"
    assert len(instructions(DOCKERFILE)) == 6


def test_a_line_that_never_ends() -> None:
    assert instructions("RUN a \\") == ("RUN a",)


def test_all_of_it_where_nothing_changed() -> None:
    assert len(cached(DOCKERFILE)) == 6


def test_up_to_the_first_instruction_that_copies_what_changed() -> None:
    assert cached(DOCKERFILE, "app/main.py") == ["FROM", "WORKDIR", "COPY", "RUN"]


def test_nothing_after_it_either() -> None:
    assert cached(DOCKERFILE, "requirements.txt") == ["FROM", "WORKDIR"]


def test_a_file_that_nothing_copies_changes_nothing() -> None:
    assert len(cached(DOCKERFILE, "README.md")) == 6


@pytest.mark.parametrize(
    "copy",
    [
        "COPY . .", "COPY ./ /x", "ADD . /x", 'COPY ["app", "/x"]', "COPY app/*.py /x",
        "COPY --chown=1:1 app /x", "copy app /x", "COPY a.txt app /x",
        'COPY "unfinished /x',
    ],
)  # fmt: skip
def test_ways_to_copy(copy: str) -> None:
    assert cached(f"FROM a\n{copy}\n", "app/main.py") == ["FROM"]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("FROM b\nCOPY --from=build /srv /srv\nRUN x\n", ["FROM"]),
        ("FROM b\nCOPY --from=0 /srv /srv\nRUN x\n", ["FROM"]),
        ("FROM b\nRUN --mount=type=bind,from=build,target=/x x\n", ["FROM"]),
        ("FROM --platform=linux/amd64 BUILD AS last\nRUN x\n", []),
        ("FROM b AS mid\nCOPY --from=build /a /a\nFROM c\nRUN y\nCOPY --from=mid /a /a\n",
         ["FROM", "FROM", "RUN"]),
        ("FROM b\nCOPY --from=nginx:1 /srv /srv\nRUN x\n", ["FROM", "COPY", "RUN"]),
        ("FROM b\nRUN x\n", ["FROM", "RUN"]),
    ],
)  # fmt: skip
def test_what_comes_from_a_stage_that_changed_has_changed_as_well(
    rest: str, expected: list[str]
) -> None:
    stage = "ARG V=1\nFROM a AS build\nCOPY app app\n"
    assert cached(stage + rest, "app/main.py") == ["ARG", "FROM", *expected]


def test_a_stage_that_copies_nothing_that_changed_is_cached_and_so_is_what_comes_from_it() -> None:
    text = "FROM a AS build\nCOPY app app\nFROM b\nCOPY --from=build /srv /srv\n"
    assert cached(text, "README.md") == ["FROM", "COPY", "FROM", "COPY"]


def test_an_empty_file() -> None:
    assert expected("", ["a"]) == ()
