"""The result inside a seal, with every time in UTC."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from deployctl.result import Result


def read_result(value: Any) -> Result:
    """Keys that a later deployctl writes are taken out of the value, which is nobody else's.

    Raises ValueError for a result of another form, OverflowError for times beyond UTC's.
    """
    try:
        result = Result.model_validate(value)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] == "extra_forbidden":
                _take_out(value, fault["loc"])
        result = Result.model_validate(value)
    stages = [
        stage.model_copy(update={"started_at": _utc(stage.started_at)}) for stage in result.stages
    ]
    return result.model_copy(update={"started_at": _utc(result.started_at), "stages": stages})


def _take_out(value: Any, place: tuple[int | str, ...]) -> None:
    *way, key = place
    for step in way:
        value = value[step]
    del value[key]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
