"""The result as Markdown, for a CI job's summary. Pure."""

from deployctl.ui.text import clean
from deployctl.ui.verdict import (
    Document,
    closing,
    facts,
    headline,
    reason,
    succeeded,
)

_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|~!"})


def markdown(result: Document, limit_bytes: int) -> str:
    """Verdict, facts and the gate matrix; cut at a line to fit `limit_bytes` of UTF-8."""
    mark = "✅" if succeeded(result) else "❌"
    lines = [f"## {mark} {_text(result['command'])}: {_text(headline(result))}", ""]
    lines += [*(_text(line) for line in reason(result)), ""]
    rows = [*facts(result), *closing(result)]
    if rows:
        lines += ["| | |", "|---|---|"]
        lines += [f"| {label} | {_text(text)} |" for label, text in rows]
        lines.append("")
    if result.get("gates"):
        lines += [
            "| gate | when | mode | state | saw | needs | attempts |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_gate_row(gate) for gate in result["gates"]]
        lines.append("")
    return _fit(lines, limit_bytes)


def _gate_row(gate: Document) -> str:
    cells = (
        gate["name"],
        gate["when"],
        gate.get("mode", "required"),
        gate["state"],
        gate["observed"],
        gate["threshold"],
        str(gate["attempts"]),
    )
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _text(text: str) -> str:
    return clean(str(text)).translate(_SPECIAL)


def _fit(lines: list[str], limit_bytes: int) -> str:
    room = limit_bytes - 64
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode(errors="replace")) + 1
        if room < 0:
            kept.append("\n…cut: the rest is in the evidence.")
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
