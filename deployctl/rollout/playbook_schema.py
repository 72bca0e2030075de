"""The JSON Schema of a playbook, for editors, made from the models that check it."""

from typing import Any

from deployctl.config.schema import DIALECT
from deployctl.rollout.playbook import Head
from deployctl.rollout.steps import PARAMS, STEPS


def playbook_schema() -> dict[str, Any]:
    """It describes every item; whether their order is safe, only loading the playbook tells."""
    schema = Head.model_json_schema()
    definitions: dict[str, Any] = {}
    items: list[dict[str, Any]] = [{"enum": list(PARAMS)}]
    for word, model in {**PARAMS, **STEPS}.items():
        params = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= params.pop("$defs", {})
        optional = {"anyOf": [params, {"type": "null"}]} if word in PARAMS else params
        items.append(
            {
                "type": "object",
                "properties": {word: optional},
                "required": [word],
                "additionalProperties": False,
            }
        )
    schema["properties"]["stages"]["items"] = {"anyOf": items}
    return {"$schema": DIALECT, **schema, "$defs": definitions}
