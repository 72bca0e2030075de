"""The JSON Schema of the result document, generated from its models.

`python -m deployctl.ui.result_schema` writes the file that ships with the package.
"""

import json
from pathlib import Path
from typing import Any

import deployctl
from deployctl.result import Result

PATH = Path(deployctl.__file__).parent / "result.schema.json"

LAST_LINE = {
    "const": "result",
    "description": "Only in the last line of `--output ndjson`; tells it from the events.",
}


def result_schema() -> dict[str, Any]:
    """What `--output json` prints, and the last line of ndjson, which has a `type` as well."""
    schema = Result.model_json_schema(by_alias=True, mode="serialization")
    schema["properties"] = {"type": LAST_LINE, **schema["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "deployctl result",
    }


def schema_text() -> str:
    return json.dumps(result_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
