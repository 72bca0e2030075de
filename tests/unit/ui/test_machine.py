"""What programs read: pure data on stdout, people's text on stderr."""

import json
from pathlib import Path

import jsonschema
import pytest

from deployctl.ui.choose import Format, choose
from deployctl.ui.result_schema import PATH, result_schema, schema_text

from .conftest import Stream
from .story import result, story


def play(output: Format, *, stderr: Stream, env: dict[str, str] | None = None) -> str:
    stdout = Stream()
    renderers = choose(output, stdout=stdout, stderr=stderr, env=env or {})
    for _, event in story("rolled-back"):
        for renderer in renderers:
            renderer(event)
    for renderer in renderers:
        renderer.close()
    return stdout.getvalue()


def test_json_is_one_document_that_fits_the_schema(pipe: Stream) -> None:
    document = json.loads(play("json", stderr=pipe))
    jsonschema.validate(document, result_schema())
    assert document["exitCode"] == 21
    assert "ROLLED BACK" in pipe.getvalue()


def test_ndjson_is_every_event_with_the_result_last(pipe: Stream) -> None:
    lines = [json.loads(line) for line in play("ndjson", stderr=pipe).splitlines()]
    assert len(lines) == len(list(story("rolled-back")))
    assert lines[0]["type"] == "runStarted"
    assert lines[0]["runId"]
    last = lines[-1]
    assert last["type"] == "result"
    jsonschema.validate(last, result_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**last, "type": "note"}, result_schema())
    assert all("at" in line for line in lines[:-1])


def test_text_leaves_stdout_empty(pipe: Stream) -> None:
    assert play("text", stderr=pipe) == ""


@pytest.mark.parametrize("ending", ["sealed", "rolled-back"])
def test_results_fit_the_schema(ending: str) -> None:
    jsonschema.validate(result(ending).model_dump(mode="json", by_alias=True), result_schema())


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert Path(PATH).read_text(encoding="utf-8") == schema_text(), (
        "run: python -m deployctl.ui.result_schema"
    )


def test_the_schema_keeps_the_keys_of_the_contract() -> None:
    assert set(result_schema()["properties"]) >= {
        "schemaVersion", "command", "result", "exitCode", "reason", "runId", "target", "release",
        "previous", "stages", "gates", "untouched", "shippedBytes", "availability", "rollback",
        "seal", "services", "planDigest", "startedAt", "durationMs", "production", "nextStep",
    }  # fmt: skip
