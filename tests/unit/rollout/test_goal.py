"""The tag that keeps a release's image."""

import re

import pytest

from deployctl.rollout.goal import pin_of

REFERENCE = re.compile(r"(?:[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*/?)+:r1")


def test_it_says_whose_it_is() -> None:
    assert pin_of("techno-os", "api", "r1") == "deployctl-pin/techno-os/api:r1"


@pytest.mark.parametrize("name", ["API", "api_", "-api", "a___b", "a..b", "é", "_"])
def test_it_is_a_reference_that_docker_takes_whatever_the_names(name: str) -> None:
    assert REFERENCE.fullmatch(pin_of(name, name, "r1"))


def test_no_two_services_share_one() -> None:
    names = [
        ("p", "api"), ("p", "API"), ("p", "api_"), ("p_", "api"), ("p-a", "pi"), ("p", "a-pi"),
    ]  # fmt: skip
    assert len({pin_of(project, service, "r1") for project, service in names}) == len(names)
