"""How a measured outage is told: what was not measured is no outage of zero."""

from typing import Any

import pytest

from deployctl.ui.verdict import availability

SEEN = {"probes": 100, "failures": 0, "unknown": 0, "unknownMs": 0, "resolutionMs": 25}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"downtimeMs": 0}, "none seen (± 25 ms; 100 probes, 0 failed)"),
        ({"downtimeMs": 780, "failures": 31}, "780 ms ± 25 ms (100 probes, 31 failed)"),
        (
            {"downtimeMs": None, "unknown": 100, "unknownMs": 9000},
            "not measured: none of 100 probes found a way to the service",
        ),
        (
            {"downtimeMs": 0, "unknown": 80, "unknownMs": 9000},
            "none seen; not measured for 9 s (± 25 ms; 100 probes, 0 failed, 80 could not be sent)",
        ),
        (
            {"downtimeMs": 25, "failures": 1, "unknown": 79, "unknownMs": 9000},
            (
                "at least 25 ms ± 25 ms; not measured for 9 s "
                "(100 probes, 1 failed, 79 could not be sent)"
            ),
        ),
        (
            {"downtimeMs": 3200, "failures": 31, "stillDown": True},
            (
                "at least 3.2 s ± 25 ms, and not over when the measurement ended "
                "(100 probes, 31 failed)"
            ),
        ),
    ],
)
def test_it_says_what_is_known_and_no_more(changes: dict[str, Any], told: str) -> None:
    assert availability({**SEEN, **changes}) == told
