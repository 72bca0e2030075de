"""The result inside a seal, with every time in UTC."""

from datetime import UTC, datetime
from typing import Any

from deployctl.result import Result


def read_result(value: Any) -> Result:
    """Raises ValueError for a result of another form, OverflowError for times beyond UTC's."""
    result = Result.model_validate(value)
    stages = [
        stage.model_copy(update={"started_at": _utc(stage.started_at)}) for stage in result.stages
    ]
    return result.model_copy(update={"started_at": _utc(result.started_at), "stages": stages})


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
