"""A reconstruction, before and after it has become the file."""

from collections.abc import Sequence

from deployctl.rollout.repair import RepairDocument
from deployctl.ui.text import clean


def proposal_lines(path: str, source: str, compared: Sequence[str], diff: str) -> list[str]:
    """What a person reads before approving."""
    lines = [f"{clean(path)} is broken. Reconstructed from {clean(source)}:", ""]
    lines += [f"  {clean(line)}" for line in diff.splitlines()]
    lines += ["", "Compose would leave every running container alone with it. Compared:"]
    return [*lines, *(f"  {clean(line)}" for line in compared)]


def repair_text(document: RepairDocument) -> list[str]:
    if document.result == "unchanged":
        return [f"{clean(document.path)}: Compose accepts it, and it is what runs."]
    path, source = clean(document.path), clean(document.source)
    kept = f"{clean(document.kept)} (sha256 {clean(document.broken_sha256)})"
    return [
        f"{path}: repaired from {source}; no container was touched.",
        f"The broken file is kept on the host: {kept}",
    ]
