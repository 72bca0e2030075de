"""The annotated example can't drift from the models, nor the README's snippet from either."""

import re
from inspect import get_annotations
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import jsonschema
import pytest
from pydantic import BaseModel

from deployctl.config import example
from deployctl.config.load import load
from deployctl.config.schema import settings_schema
from deployctl.config.settings import Settings
from deployctl.config.tree import parse, plain

ENV = {"DEPLOY_KEY": "the text of a private key"}
TARGETS = ("production", "ci", "staging")
README = Path(__file__).parents[3] / "README.md"


def document(text: str) -> Any:
    node, faults = parse(text.encode(), "deployctl.yml")
    assert node is not None
    assert not faults
    return plain(node)


def loaded(directory: Path, text: str, target: str | None) -> Settings:
    path = directory / "deployctl.yml"
    path.write_text(text)
    return load(path, target, ENV)


@pytest.fixture
def every_target(tmp_path: Path) -> list[Settings]:
    return [loaded(tmp_path, example.complete(), target) for target in TARGETS]


def models_in(value: object) -> list[BaseModel]:
    """The model and all models inside it."""
    if isinstance(value, BaseModel):
        inner = [
            model for name in type(value).model_fields for model in models_in(getattr(value, name))
        ]
        return [value, *inner]
    if isinstance(value, dict | tuple):
        items = value.values() if isinstance(value, dict) else value
        return [model for item in items for model in models_in(item)]
    return []


def kinds_in(annotation: Any) -> set[type[BaseModel]]:
    """The model types that an annotation can lead to."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.values()
        return {annotation}.union(*(kinds_in(field.annotation) for field in fields))
    if get_origin(annotation) in (Union, UnionType, dict, tuple) or get_args(annotation):
        return set().union(*(kinds_in(argument) for argument in get_args(annotation)))
    return set()


def declared_by(kind: type[BaseModel], field: str) -> type:
    """The most general class that has the field: several kinds of gate share it."""
    return [base for base in kind.__mro__ if field in get_annotations(base)][-1]


def test_every_setting_of_every_model_is_shown(every_target: list[Settings]) -> None:
    shown = {
        (declared_by(type(model), field), field)
        for settings in every_target
        for model in models_in(settings)
        for field in model.model_fields_set
    }
    expected = {
        (declared_by(kind, field), field)
        for kind in kinds_in(Settings)
        for field in kind.model_fields
    }
    assert expected - shown == set()


def test_the_example_loads_for_each_of_its_targets(every_target: list[Settings]) -> None:
    assert [settings.target for settings in every_target] == list(TARGETS)
    assert every_target[0].target == document(example.complete())["default_target"]


def test_the_essentials_are_a_complete_file(tmp_path: Path) -> None:
    settings = loaded(tmp_path, example.essentials(), None)
    assert settings.target == "production"
    assert set(document(example.essentials())) <= set(document(example.complete()))


def test_the_readme_shows_only_settings_that_load(tmp_path: Path) -> None:
    blocks = re.findall(r"^```ya?ml\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    for block in (block for block in blocks if "targets:" in block):
        assert loaded(tmp_path, block, None).target


class TestSchema:
    validator = jsonschema.Draft202012Validator(settings_schema())

    def test_it_is_a_json_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(settings_schema())

    def test_it_describes_what_it_knows(self) -> None:
        properties = settings_schema()["properties"]
        assert all("description" in properties[key] for key in ("image", "services", "gates"))

    @pytest.mark.parametrize("text", [example.complete(), example.essentials()])
    def test_it_accepts_the_example(self, text: str) -> None:
        self.validator.validate(document(text))

    @pytest.mark.parametrize(
        "change",
        [
            {"rolout": {}},
            {"version": 2},
            {"targets": {}},
            {"targets": {"a b": {}}},
            {"targets": {"a": {"prot": 22}}},
            {"port": "ssh"},
            {"services": "api"},
            {"approval": "maybe"},
            {"gates": {"health": {"pth": "/"}}},
            {"gates": {"errors": {"query": "up"}}},
            {"gates": {"errors": {"type": "tcp", "query": "up"}}},
            {"rollout": {"deadline": "soon"}},
        ],
    )
    def test_it_refuses_what_loading_refuses(self, change: dict[str, Any]) -> None:
        assert not self.validator.is_valid({**document(example.essentials()), **change})

    def test_it_allows_references_for_any_value(self) -> None:
        change = {"port": "${PORT}", "approval": "${APPROVAL:-typed}"}
        self.validator.validate({**document(example.essentials()), **change})

    def test_it_knows_every_field_of_the_settings(self) -> None:
        properties = settings_schema()["properties"]
        assert set(Settings.model_fields) - {"target"} <= set(properties)
