"""The names by which releases keep their images."""

import re

import pytest

from deployctl.engines.pins import keeper_of, pin_of, pinned

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


@pytest.mark.parametrize("project", ["techno-os", "Techno_OS_", "é"])
@pytest.mark.parametrize("service", ["api", "API"])
def test_a_pin_is_read_as_it_was_written(project: str, service: str) -> None:
    assert pinned(pin_of(project, service, "r12"), project) == "r12"


@pytest.mark.parametrize(
    "reference",
    [
        "deployctl-pin/other/api:r1", "deployctl-pin/techno-os-2/api:r1", "techno-os/api:r1",
        "deployctl-pin/techno-os/api:latest", "deployctl-pin/techno-os/api/more:r1",
        "deployctl-pin/techno-os/api:r1x", "deployctl-pin/techno-os/api", "<none>:<none>", "",
        "mirror/deployctl-pin/techno-os/api:r1",
    ],
)  # fmt: skip
def test_what_is_no_pin_of_the_project_is_none(reference: str) -> None:
    assert pinned(reference, "techno-os") == ""


def test_the_keeper_is_called_after_the_pin() -> None:
    assert keeper_of("deployctl-pin/techno-os/api:r1") == "deployctl-pin.techno-os.api.r1"
