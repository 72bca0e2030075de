"""Bodies for webhooks and for Grafana. Pure."""

import hashlib
import hmac
import html
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deployctl.notify.story import (
    Where,
    changed_at,
    end_of,
    happened,
    named,
    outage,
    serving,
    switched_at,
    untouched,
)
from deployctl.result import Result

ENVELOPE_TYPE = "deployctl.run"
ENVELOPE_VERSION = 1
SIGNATURE_HEADER = "X-Deployctl-Signature-256"
_LONGEST = 600
"""characters of a line that a chat or Grafana gets"""


def generic(result: Result, where: Where) -> bytes:
    """The result's document in an envelope, with the digest by which its seal is found."""
    return _json(
        {
            "type": ENVELOPE_TYPE,
            "version": ENVELOPE_VERSION,
            "end": end_of(result),
            "project": where.project,
            "environment": where.environment,
            "sealDigest": result.seal.digest if result.seal else None,
            "result": result.model_dump(mode="json", by_alias=True),
        }
    )


def signature(body: bytes, secret: bytes) -> str:
    """The header's value: `sha256=` and the HMAC-SHA256 of the body in hex."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def slack(result: Result, where: Where) -> bytes:
    """A few lines: verdict, place, release, outage, what to do. Mattermost takes the same."""
    failed = end_of(result) != "success"
    lines = [f"*{_verdict(result)}* {_literal(_headline(result, where))}"]
    if failed and result.reason.strip():
        lines.append(_literal(result.reason))
    if measured := outage(result):
        lines.append(f"Outage: {measured}")
    if failed and result.next_step.strip():
        # Each command by itself: a span is what people copy.
        steps = re.split(r"; (?=deployctl )", result.next_step)
        lines.append(f"Next: {'; '.join(map(_literal, steps))}")
    return _json({"text": "\n".join(lines)})


def grafana(result: Result, where: Where, tags: Sequence[str]) -> bytes | None:
    """A region from the switch to the end; None where nothing was switched."""
    began = switched_at(result)
    if began is None:
        return None
    lines = [f"{_verdict(result)}: {_one_line(_headline(result, where))}"]
    if measured := outage(result):
        lines.append(f"Outage: {measured}")
    words = ("deployctl", where.project, result.target or "", result.result, *tags)
    return _json(
        {
            "time": _epoch_ms(began),
            "timeEnd": max(_epoch_ms(changed_at(result)), _epoch_ms(began)),
            "tags": list(dict.fromkeys(word for word in words if word)),
            # Grafana shows it as HTML.
            "text": html.escape("\n".join(lines), quote=False),
        }
    )


def _verdict(result: Result) -> str:
    return {
        "success": "OK",
        "rollback": "ROLLED BACK",
        "refused": "REFUSED",
        "interrupted": "INTERRUPTED",
        "failure": "FAILED",
    }[end_of(result)]


def _headline(result: Result, where: Where) -> str:
    """What became of what serves, in one line."""
    place = f"{where.project}/{result.target}" if where.project else str(result.target)
    if where.environment and where.environment != result.target:
        place += f" [{where.environment}]"
    match happened(result):
        case "deployed":
            told = f"{named(result.release)} is live"
        case "went-back":
            told = f"{named(result.release)} serves again" if result.release else "rolled back"
        case "put-back":
            told = f"{named(result.release)} was rolled back"
            told += f"; {named(result.previous)} serves again" if result.previous else ""
        case "unknown":
            left_alone = result.rollback.state == "none" and result.production.strip().rstrip(".")
            told = f"a person is needed: {left_alone or 'what serves is not known'}"
        case _ if result.result == "unchanged" and serving(result):
            told = f"{named(serving(result))} was live already and holds"
        case _ if result.command != "confirm" and untouched(result):
            told = "production was not touched"
        case _:
            told = result.production.strip().rstrip(".") or "what serves is not known"
    return f"{place}: {result.command}, {told} (exit code {result.exit_code})"


def _one_line(text: str) -> str:
    """Without what can't be seen, such as a character that turns the reading direction around."""
    told = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _literal(text: str) -> str:
    """What others wrote (a name, an error, a log): it links, mentions and formats nothing.

    Only in a span of code do Slack and Mattermost both leave addresses, @, emoji and formatting
    alone. Slack reads its <…> even there, and wants these three escaped.
    """
    shown = _one_line(text).replace("`", "'")
    return f"`{html.escape(shown, quote=False)}`"


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


def delivery_headers(result: Result) -> dict[str, str]:
    """By the first a receiver knows a second delivery of the same."""
    return {"X-Deployctl-Delivery": result.run_id or "", "X-Deployctl-End": end_of(result)}
