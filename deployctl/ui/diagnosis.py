"""What `compose diagnose` found, as text."""

from deployctl.rollout.diagnosis import Diagnosis, Fault
from deployctl.ui.text import clean


def diagnosis_text(found: Diagnosis) -> list[str]:
    """`FILE:LINE:COLUMN: message`, the form that editors jump to; then what differs from it."""
    lines = [f"{_place(found, one)}: {_told(one)}" for one in found.faults]
    lines += [
        f"{clean(found.file)}: what runs is not what it says: `docker compose up` would not leave "
        f"{clean(line)} alone."
        for line in found.drift
    ]
    lines += [f"{clean(found.file)}: what differs: {clean(line)}." for line in found.differences]
    if found.untold:
        lines.append(
            f"{clean(found.file)}: whether it is what runs can't be told: {clean(found.untold)}."
        )
    lines = lines or [f"{clean(found.file)}: no faults found."]
    lines += [f"{_place(found, one)}: note: {_told(one)}" for one in found.notes]
    if not found.compose_asked:
        lines.append(
            f"Compose itself was not asked. It can be: {clean(found.ask_compose)}, or deployctl "
            "compose diagnose --target NAME for the files of a target."
        )
    return lines


def _place(found: Diagnosis, one: Fault) -> str:
    return f"{clean(one.file or found.file)}:{one.line}:{one.column}"


def _told(one: Fault) -> str:
    return f"{clean(one.message)} {clean(one.mend)}".rstrip()
