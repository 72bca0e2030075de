"""What people signed after the run: whether the files beside a seal are that, and by whom."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from deployctl.evidence import approval, plain_file
from deployctl.evidence.approval import Approval, OfSeal
from deployctl.evidence.moments import CLOCKS_PART, moment
from deployctl.evidence.policy import Policy
from deployctl.evidence.quoted import quoted
from deployctl.evidence.statement import Sealed

Told = tuple[Literal["proven", "not-proven", "failed"], str]
MOST: Final = 50
"""files: each is a question to OpenSSH"""


def check(
    folder: Path, names: Sequence[str], sealed: Sealed, sealed_at: datetime, policy: Policy,
    now: datetime,
) -> Iterator[Told]:  # fmt: skip
    """Raises NoOpenSSHError."""
    if len(names) > MOST:
        yield "failed", f"{len(names)} validations lie beside it; expected {MOST} at most"
        return
    for name in names:
        try:
            found, at = _read(folder / name, sealed, sealed_at, now)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            yield "failed", f"{name} is no validation of this seal: {why}"
        else:
            yield _who(name, found, at, policy)


def _read(
    file: Path, sealed: Sealed, sealed_at: datetime, now: datetime
) -> tuple[Approval, datetime]:
    """Raises OSError, and ValueError with a clause that begins with `it`."""
    found = approval.read(plain_file.read(file, approval.LARGEST_BYTES, follow=False))
    word, result = found.word, sealed.predicate.get("result")
    if not isinstance(word, OfSeal) or word.sealDigest != sealed.digest:
        raise ValueError("it is about something else")
    if not isinstance(result, dict) or (word.target, word.runId) != (
        result.get("target"), result.get("runId"),
    ):  # fmt: skip
        raise ValueError("it names another run")
    at = moment(word.at)
    if at is None or (sealed_at - at).total_seconds() > CLOCKS_PART:
        raise ValueError("it was signed before the seal was there")
    if (at - now).total_seconds() > CLOCKS_PART:
        raise ValueError("it was signed in the future")
    return found, at


def _who(name: str, found: Approval, at: datetime, policy: Policy) -> Told:
    claim = f"{name} says {quoted(found.word.by)}"
    if policy.allowed_signers is None:
        told = f"who validated it ({claim}; no allowed signers were given to know the key)"
        return "not-proven", told
    said = approval.check(found, policy.allowed_signers, at)
    if said.state == "good":
        return "proven", f"validated by {quoted(said.principal)} at {at:%FT%TZ}"
    if said.state == "bad":
        return "failed", f"the signature in {name} does not hold"
    told = f"who validated it ({claim}; {found.fingerprint} is nobody whom the allowed signers name"
    return "not-proven", f"{told} for then)"
