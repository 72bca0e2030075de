"""What `edge plan` found, as text."""

from deployctl.rollout.edge_plan import EdgePlan
from deployctl.ui.text import clean


def edge_plan_text(found: EdgePlan) -> list[str]:
    match found.result:
        case "installed":
            told = f"{clean(found.service)} has an edge already: {found.live} is live"
            return [f"{told}, as {clean(found.file)} has it."]
        case "refused":
            return [
                *(
                    f"{clean(one.file or found.file)}:{one.line}:{one.column}: "
                    f"{clean(one.message)} {clean(one.mend)}".rstrip()
                    for one in found.faults
                ),
                f"{clean(found.service)} can't be put behind an edge. Nothing was changed.",
            ]
        case "possible":
            return [
                f"{clean(found.service)} can be put behind an edge. Nothing was changed.",
                *(f"  {clean(note)}" for note in found.notes),
                "",
                *map(clean, found.diff.splitlines()),
                "",
                f"{clean(found.configuration_file)}:",
                *(f"  {clean(line)}".rstrip() for line in found.configuration.splitlines()),
            ]
