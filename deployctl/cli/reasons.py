"""`--advisory GATE --reason TEXT`: which reason belongs to what. Pure.

The parser keeps each option's values apart from the others', so the order is read from the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployctl.errors import UsageError
from deployctl.evidence.canonical import writable

_NEXT = "Write --advisory GATE --reason TEXT, and --accept-drift --reason TEXT."


@dataclass
class Reasons:
    """`advisory` maps gates to reasons; `accept_drift` is the reason, or None."""

    advisory: dict[str, str] = field(default_factory=dict)
    accept_drift: str | None = None


def read_reasons(argv: Sequence[str]) -> Reasons:
    """Raises UsageError for an exception without a reason, or a reason without an exception."""
    reasons = Reasons()
    waiting: list[str | None] = []  # gates; None stands for the drift
    last = ""
    words = iter(argv)
    for word in words:
        name, has_value, value = word.partition("=")
        if name in ("--advisory", "--reason") and not has_value:
            value = next(words, "")
        if name == "--advisory":
            waiting.append(_not_blank(value, "--advisory"))
        elif name == "--accept-drift":
            waiting.append(None)
        elif name == "--reason":
            _give(reasons, waiting, _not_blank(value, "--reason"))
            waiting.clear()
        elif name == "--":
            break
        last = name if name in ("--advisory", "--accept-drift") else last
    if waiting:
        raise UsageError(f"{last} needs a --reason after it.", next_step=_NEXT)
    return reasons


def _give(reasons: Reasons, waiting: Sequence[str | None], reason: str) -> None:
    if not waiting:
        raise UsageError(
            "A --reason stands without an --advisory or --accept-drift before it.", next_step=_NEXT
        )
    for gate in waiting:
        if gate is None:
            reasons.accept_drift = reason
        else:
            reasons.advisory[gate] = reason


def _not_blank(value: str, option: str) -> str:
    if not value.strip():
        raise UsageError(f"{option} must not be empty.", next_step=_NEXT)
    return writable(value.strip())
