"""Which settings file is meant."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployctl.config.locate import locate
from deployctl.errors import ConfigError


class Place:
    """A project, a directory inside it, and a state directory."""

    def __init__(self, top: Path) -> None:
        self.project = top / "project"
        self.inside = self.project / "src" / "deep"
        self.inside.mkdir(parents=True)
        self.outside = top / "elsewhere"
        self.outside.mkdir()
        self.state = top / "state" / "deployctl" / "targets"
        self.env: Mapping[str, str] = {"XDG_STATE_HOME": str(top / "state"), "HOME": str(top)}

    def with_project(self, *targets: str) -> Path:
        path = self.project / "deployctl.yml"
        lines = "".join(f"  {name}: {{host: x}}\n" for name in targets)
        path.write_text(f"version: 1\nservices: [api]\ntargets:\n{lines}")
        return path

    def with_state(self, name: str) -> Path:
        self.state.mkdir(parents=True, exist_ok=True)
        path = self.state / f"{name}.yml"
        path.write_text(f"version: 1\nservices: [api]\ntargets: {{{name}: {{host: x}}}}\n")
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_named_on_the_command_line_is_taken(place: Place) -> None:
    assert locate("a", Path("given.yml"), place.inside, place.env) == Path("given.yml")


def test_the_nearest_file_upwards_is_taken(place: Place) -> None:
    path = place.with_project("production")
    assert locate("production", None, place.inside, place.env) == path
    assert locate(None, None, place.project, place.env) == path


def test_a_target_that_the_project_lacks_is_looked_for_in_the_state(place: Place) -> None:
    place.with_project("production")
    lab = place.with_state("lab")
    assert locate("lab", None, place.inside, place.env) == lab


def test_the_project_goes_before_the_state(place: Place) -> None:
    path = place.with_project("lab")
    place.with_state("lab")
    assert locate("lab", None, place.inside, place.env) == path


def test_without_a_project_the_only_target_of_the_state_is_taken(place: Place) -> None:
    lab = place.with_state("lab")
    assert locate(None, None, place.outside, place.env) == lab


def test_without_a_project_one_of_several_must_be_named(place: Place) -> None:
    place.with_state("lab")
    place.with_state("lab2")
    with pytest.raises(ConfigError, match="there are several") as error:
        locate(None, None, place.outside, place.env)
    assert "lab, lab2" in error.value.next_step


def test_a_project_file_that_can_not_be_parsed_is_left_to_loading(place: Place) -> None:
    path = place.with_project()
    path.write_bytes(b"\xff")
    assert locate("lab", None, place.inside, place.env) == path


def test_a_target_that_is_nowhere_lists_both_places_and_how_to_make_one(place: Place) -> None:
    place.with_project("production", "staging")
    place.with_state("lab")
    with pytest.raises(ConfigError) as error:
        locate("prod", None, place.inside, place.env)
    assert "no target 'prod'" in error.value.what
    assert "has: production, staging." in error.value.what
    assert "has: lab." in error.value.what
    for words in ("production, staging, lab", "deployctl lab up", "deployctl init"):
        assert words in error.value.next_step


def test_with_nothing_anywhere_it_says_how_to_begin(place: Place) -> None:
    with pytest.raises(ConfigError, match="no target to work on") as error:
        locate(None, None, place.outside, place.env)
    assert "deployctl lab up" in error.value.next_step


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-x", "a\n", "a b"])
def test_a_name_that_is_no_name_is_refused(place: Place, name: str) -> None:
    with pytest.raises(ConfigError, match="is not a target's name"):
        locate(name, None, place.inside, place.env)


def test_without_xdg_the_state_is_in_the_home_directory(place: Place, tmp_path: Path) -> None:
    directory = tmp_path / ".local/state/deployctl/targets"
    directory.mkdir(parents=True)
    (directory / "lab.yml").write_text("version: 1\n")
    assert locate("lab", None, place.outside, {"HOME": str(tmp_path)}) == directory / "lab.yml"
