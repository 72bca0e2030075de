"""What `compose diagnose` found, as text."""

from deployctl.rollout.diagnosis import Diagnosis
from deployctl.ui.text import clean


def diagnosis_text(found: Diagnosis) -> list[str]:
    """`FILE:LINE:COLUMN: message`, the form that editors jump to; then what differs from it."""
    lines = []
    for fault in found.faults:
        place = f"{clean(fault.file or found.file)}:{fault.line}:{fault.column}"
        lines.append(f"{place}: {clean(fault.message)} {clean(fault.mend)}".rstrip())
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
    if not found.compose_asked:
        lines.append(
            f"Compose itself was not asked. It can be: {clean(found.ask_compose)}, or deployctl "
            "compose diagnose --target NAME for the files of a target."
        )
    return lines
