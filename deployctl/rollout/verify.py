"""`deployctl verify`: what a seal proves, in one line and check by check."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from deployctl.errors import ExitCode, RefusedError
from deployctl.evidence.allowed_signers import SignersError
from deployctl.evidence.checked import Check
from deployctl.evidence.moments import utc_now
from deployctl.evidence.policy import Policy
from deployctl.evidence.sshsig import NoOpenSSHError
from deployctl.evidence.verify import Verdict
from deployctl.evidence.verify import verify as check_seal
from deployctl.result import SCHEMA_VERSION, Document

SHOWN = 3
"""faults that stand in the one line; all of them are in the list"""


class VerifyCheck(Document):
    name: str
    state: Literal["proven", "not-proven", "failed"]
    told: str


class VerifyDocument(Document):
    schema_version: int = SCHEMA_VERSION
    command: str = "verify"
    exit_code: int
    seal: str
    digest: str | None
    sentence: str
    checks: tuple[VerifyCheck, ...]


def verify(path: Path, policy: Policy) -> VerifyDocument:
    """Raises RefusedError where there is nothing to check, or nothing to check it with."""
    try:
        verdict = check_seal(path, policy, utc_now())
    except OSError as error:
        raise RefusedError(
            f"The seal {path} can't be read: {error.strerror or error}.",
            next_step="Give the path of a seal.json, or of the run's directory.",
        ) from error
    except SignersError as error:
        raise RefusedError(
            str(error),
            next_step="Correct the path; what stands in it: man ssh-keygen, ALLOWED SIGNERS.",
        ) from error
    except NoOpenSSHError as error:
        raise RefusedError(
            f"The signature can't be checked: {error}.",
            next_step="Install OpenSSH 8.9 or newer (its ssh-keygen).",
        ) from error
    return VerifyDocument(
        exit_code=int(ExitCode.SEALED if verdict.holds else ExitCode.REFUSED),
        seal=str(path),
        digest=verdict.sealed.digest if verdict.sealed else None,
        sentence=_sentence(verdict),
        checks=tuple(VerifyCheck(name=c.name, state=c.state, told=c.told) for c in verdict.checks),
    )


def _sentence(verdict: Verdict) -> str:
    failed = verdict.of("failed")
    more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    parts = (
        ("Does not hold", _told(failed[:SHOWN]) + more),
        ("Proven", _told(verdict.of("proven"))),
        ("Not proven", _told(verdict.of("not-proven"))),
    )
    ordered = parts if verdict.holds or failed else (parts[2], parts[1])
    return " ".join(f"{word}: {told}." for word, told in ordered if told)


def _told(checks: Iterable[Check]) -> str:
    return "; ".join(check.told for check in checks)
