"""What `approve` shows before a person signs, and what it says of the signature. Pure."""

from deployctl.events import PlanReady, RunEnded
from deployctl.rollout.approve import ApprovalDocument, SealRead
from deployctl.rollout.plan_file import PlanFile
from deployctl.ui.text import clean, short_id
from deployctl.ui.wording import wording


def plan_file_lines(file: PlanFile) -> list[str]:
    """The plan as the rollout itself shows it, with the Compose file's difference."""
    plan = file.plan.model_dump(mode="json", by_alias=True)
    asked = file.request
    book = f", playbook {clean(asked.playbook)}" if asked.playbook else ""
    made = f"planned at {file.at} by deployctl {clean(file.tool.version)}"
    return [
        f"{asked.command} on {clean(file.target)}{book}; {made}",
        *wording(PlanReady(digest=file.plan.digest, plan=plan, diff=file.diff)),
    ]


def seal_lines(seal: SealRead) -> list[str]:
    """The run's own verdict, as it was told at its end."""
    return [
        f"run {clean(seal.run_id)} on {clean(seal.target)}, seal {seal.digest}",
        *wording(RunEnded(result=dict(seal.result))),
    ]


def approved_lines(document: ApprovalDocument) -> list[str]:
    """The signature's file is the answer; who and what stand before it."""
    what = "plan" if document.result == "approved" else "seal"
    which = f"{what} {short_id(document.digest)} for {clean(document.target)}"
    return [
        f"{document.result} {which} by {clean(document.by)} ({document.fingerprint})",
        clean(document.path),
    ]
