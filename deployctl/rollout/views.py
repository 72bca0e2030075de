"""The documents that people read, beside the seal: made once it stands, and never in its way."""

from pathlib import Path

from deployctl.result import SealRef
from deployctl.rollout.session import Session


def write(session: Session, reference: SealRef | None) -> None:
    """Never raises: the run has ended, and its evidence is complete without them."""
    if reference is None:
        return
    try:
        from deployctl.evidence.report.views import write_views  # noqa: PLC0415 - loads jinja2

        write_views(Path(reference.path).parent, session.settings.language)
    except Exception as error:  # noqa: BLE001 - views of a seal that stands
        session.note(
            "warning",
            f"seal.md and seal.html were not written ({str(error).rstrip('.') or repr(error)});"
            f" the seal stands. deployctl report {session.run_id} makes them.",
        )
