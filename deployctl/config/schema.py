"""The JSON Schema of `deployctl.yml`, for editors, made from the models that check it."""

from typing import Any, Final

from pydantic import TypeAdapter

from deployctl.config.fields import TARGET_NAME
from deployctl.config.gates import GATE_TYPES, AnyGateSettings
from deployctl.config.settings import HostSettings, Settings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{"}
_VALUE_TYPES: Final = ("integer", "number", "boolean")
_NO_SCHEMAS: Final = ("const", "default", "enum", "propertyNames", "required")
_OWN_KEYS: Final[dict[str, Any]] = {"^x-": {}}

Schema = dict[str, Any]


def settings_schema() -> Schema:
    """A schema for the whole file. It allows a reference such as `${PORT}` for any value."""
    settings = Settings.model_json_schema()
    host = HostSettings.model_json_schema()
    definitions = {**settings.pop("$defs"), **host.pop("$defs", {})}
    shared = {**settings["properties"], **host["properties"]}
    del shared["target"], definitions["HostSettings"]
    shared["gates"] = {**shared["gates"], **_gates()}
    target = {key: {"anyOf": [schema, {"type": "null"}]} for key, schema in shared.items()}
    schema = {
        "$schema": DIALECT,
        "title": "deployctl.yml",
        "type": "object",
        "properties": {
            "version": {"const": 1},
            "default_target": {"type": "string", "description": "The target without --target."},
            "targets": {
                "type": "object",
                "description": "What a rollout can go to, by name.",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{TARGET_NAME}$"},
                "additionalProperties": _object(target),
            },
            **shared,
        },
        "patternProperties": _OWN_KEYS,
        "additionalProperties": False,
        "required": ["version", "targets"],
        "$defs": definitions,
    }
    return {key: _with_references(part) for key, part in schema.items()}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": _OWN_KEYS,
        "additionalProperties": False,
    }


def _gates() -> Schema:
    """A gate's type is what it says, else its name; null removes a shared one."""
    adapter = TypeAdapter[Any](AnyGateSettings)
    members = adapter.json_schema(ref_template="#/$defs/{model}")["anyOf"]
    typed = {"required": ["type"], "oneOf": members}
    null = {"type": "null"}
    named = {
        name: {"anyOf": [null, {"if": {"required": ["type"]}, "then": typed, "else": member}]}
        for name, member in zip(GATE_TYPES, members, strict=True)
    }
    return {"properties": named, "additionalProperties": {"anyOf": [null, typed]}}


def _with_references(schema: Any) -> Any:
    """Adds `${…}` as an alternative wherever a value must be of some form."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    walked = {
        key: value if key in _NO_SCHEMAS else _with_references(value)
        for key, value in schema.items()
    }
    return {"anyOf": [walked, _REFERENCE]} if _is_value(schema) else walked


def _is_value(schema: Schema) -> bool:
    formed = schema.get("type") == "string" and {"pattern", "minLength"} & schema.keys()
    return schema.get("type") in _VALUE_TYPES or "enum" in schema or bool(formed)
