"""Checks a tree against a model, and says of every fault where it stands and what was expected."""

import re
import types
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, TypeGuard, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deployctl.config.faults import Fault, Mark, MeasureError, Path
from deployctl.config.tree import Mapping, Node, Scalar, Sequence, plain

Model = TypeVar("Model", bound=BaseModel)

_MAPPING: Final = "expected a mapping (lines of `key: value`)"
_LIST: Final = "expected a list, such as [one, two]"
_EXPECTED: Final = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "dict_type": _MAPPING,
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number of fewer digits",
    "int_type": "expected a whole number",
    "list_type": _LIST,
    "missing": "missing; it is required here",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "path_type": "expected a path on this machine",
    "string_too_short": "expected text that is not empty",
    "string_type": "expected text",
    "too_short": "expected at least one item",
    "tuple_type": _LIST,
}
# Where one of a few words, a number or a duration belongs, what was found helps and is no secret
# as long as it looks like one of them. Anywhere else a secret may stand: only its type is told.
_SHOWN_KINDS: Final = ("bool_", "float_", "int_", "literal_", "union_tag_", "greater_", "less_")
_OF_TEXT: Final = ("value_error", "string_too_short")
_SHOWN: Final = re.compile(r"[A-Za-z]{1,12}|[-+]?[0-9.]{1,9} ?[A-Za-z%]{0,3}")
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z0-9_]+\}")


def validate(
    model: type[Model], node: Mapping, *, file: str, directory: FilePath
) -> tuple[Model | None, list[Fault]]:
    """The model, or every fault. Relative local paths start at `directory`."""
    try:
        return model.model_validate(plain(node), context={"directory": directory}), []
    except ValidationError as error:
        return None, _faults(error, model, node, file)


def unknown_key(key: str, known: Iterable[str], what: str = "key") -> str:
    """The message for a word that means nothing here."""
    names = sorted(known)
    close = get_close_matches(key, names, n=1, cutoff=0.6)
    if close:
        return f"unknown {what}; did you mean {close[0]}?"
    return f"unknown {what}; expected one of {', '.join(names)}"


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a file may use for the model's fields."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _faults(
    error: ValidationError, model: type[BaseModel], node: Mapping, file: str
) -> list[Fault]:
    """One fault a place: a value that fits none of several types is told once."""
    found: dict[tuple[Path, Mark], tuple[_Place, list[ErrorDetails]]] = {}
    for details in error.errors(include_url=False):
        place = _find(details["loc"], model, node)
        if _says_nothing(details, place):
            continue
        at = place.path, _mark(details, place)
        found.setdefault(at, (place, []))[1].append(details)
    return [
        Fault(file, mark, path, _joined(place, errors) + _found(place, errors))
        for (path, mark), (place, errors) in found.items()
    ]


@dataclass(frozen=True)
class _Place:
    """Where an error is: `node` is the value, or its parent where the value is missing."""

    path: Path
    node: Node
    key_mark: Mark
    owner: type[BaseModel] | None
    is_key: bool = False


def _says_nothing(details: ErrorDetails, place: _Place) -> bool:
    """A list is only too short once its faulty items, which are told, have been left out."""
    if details["type"] != "too_short" or not isinstance(place.node, Sequence):
        return False
    return len(place.node.items) >= int(details["ctx"]["min_length"])


def _find(loc: tuple[int | str, ...], model: type[BaseModel], node: Node) -> _Place:
    """Follows pydantic's location, which also names members of unions, through model and tree."""
    expected: Any = model
    owner: type[BaseModel] | None = None
    path, key_mark = node.path, node.mark
    for part in loc:
        members = _members(expected)
        models = [member for member in members if _is_model(member)]
        if part == "[key]":
            return _Place(path, node, key_mark, owner, is_key=True)
        if len(models) > 1:
            expected = next((m for m in models if part in _tags(m)), None)
            continue
        owner = models[0] if models else None
        expected = _inner(members, part)
        child = _child(node, part)
        if child is None:
            if isinstance(node, Mapping) and isinstance(part, str) and not _is_choice(members):
                path = (*path, part)
            break
        if isinstance(node, Mapping):
            key_mark = node.key_marks.get(str(part), child.mark)
        node, path = child, child.path
    return _Place(path, node, key_mark, owner)


def _child(node: Node, part: int | str) -> Node | None:
    if isinstance(node, Mapping):
        return node.entries.get(str(part))
    if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without Annotated, unions and None around them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [m for argument in get_args(annotation) for m in _members(argument)]
    return [] if annotation in (None, types.NoneType) else [annotation]


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_choice(members: list[Any]) -> bool:
    """Whether the location names one of several plain types here, and no key."""
    return len(members) > 1 and not any(_is_model(m) or get_origin(m) is dict for m in members)


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field else ()


def _inner(members: list[Any], part: int | str) -> Any:
    """What stands at `part` inside a value of one of these types."""
    for member in members:
        if _is_model(member):
            for name, field in member.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation
        elif get_origin(member) is dict:
            return get_args(member)[1]
        elif get_origin(member) in (tuple, list):
            return get_args(member)[0]
    return None


def _mark(details: ErrorDetails, place: _Place) -> Mark:
    at_key = place.is_key or details["type"] == "extra_forbidden"
    return place.key_mark if at_key else place.node.mark


def _message(details: ErrorDetails, place: _Place) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            message = unknown_key(str(details["loc"][-1]), keys_of(place.owner or BaseModel))
        case "literal_error":
            message = f"expected {context['expected']}"
        case "union_tag_invalid":
            message = f"expected one of {context['expected_tags']}"
        case "union_tag_not_found":
            message = "`type` is missing, and the name is not that of a type"
        case "string_type" if _can_be_quoted(place.node):
            message = "expected text in quotes"
        case kind if kind in _EXPECTED:
            message = _EXPECTED[kind]
        case kind:
            message = _own_words(details["msg"], kind)
    return message


def _can_be_quoted(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and node.value is not None


def _own_words(message: str, kind: str) -> str:
    """A validator's own sentence, or pydantic's made to read like one."""
    message = message.removeprefix("Value error, ")
    if kind == "value_error" or message.startswith("expected"):
        return message
    return "expected " + message.removeprefix("Input should be ").removeprefix("Input should ")


def _joined(place: _Place, errors: list[ErrorDetails]) -> str:
    messages = list(dict.fromkeys(_message(details, place) for details in errors))
    return " or ".join([messages[0], *(m.removeprefix("expected ") for m in messages[1:])])


def _may_be_shown(details: ErrorDetails) -> bool:
    """Whether a word, a number or a duration belongs here, of which none is a secret."""
    if details["type"] == "value_error":
        return isinstance(details.get("ctx", {}).get("error"), MeasureError)
    return details["type"].startswith(_SHOWN_KINDS)


def _found(place: _Place, errors: list[ErrorDetails]) -> str:
    """`, found …` with what the file says where that may be shown, else with its type."""
    node = place.node
    expected = _message(errors[0], place).startswith("expected")
    if place.is_key or not isinstance(node, Scalar) or not expected:
        return ""
    if node.value is None and not node.text:
        return ", found nothing"
    may_be_shown = all(map(_may_be_shown, errors)) and _SHOWN.fullmatch(node.text)
    if may_be_shown or _REFERENCE.fullmatch(node.text):
        return f", found {node.text!r}" if isinstance(node.value, str) else f", found {node.text}"
    is_text = isinstance(node.value, str)
    if is_text and any(details["type"] in _OF_TEXT for details in errors):
        return ""  # text of another form was expected
    return f", found {_type(node)}"


def _type(node: Scalar) -> str:
    match node.value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case None:
            return "nothing"
        case _:
            return "text"
