"""`deployctl verify`: what a seal proves, in one line and check by check."""

from collections.abc import Sequence
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

LONGEST_FAULT = 60
LONGEST_PART = 70
"""characters in the one line; the list has all of them"""


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
    """One line that fits a screen; the checks have the words in full."""
    failed, proven = verdict.of("failed"), verdict.of("proven")
    lacking = ("Not proven", _listed(verdict.of("not-proven")))
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        broken = {check.name for check in failed}
        # What else is proven of such a seal is only named: nobody should go by it.
        names = dict.fromkeys(check.name for check in proven if check.name not in broken)
        first = ("Does not hold", _cut(failed[0].told, LONGEST_FAULT) + more)
        parts = [first, ("Proven", ", ".join(names)), lacking]
    elif verdict.holds:
        parts = [("Proven", _listed(proven)), lacking]
    else:
        parts = [lacking, ("Proven", _listed(proven))]
    return " ".join(f"{word}: {told}." for word, told in parts if told)


def _listed(checks: Sequence[Check]) -> str:
    """Who has signed says that the signature holds."""
    signed = any(check.name == "signer" for check in checks)
    shown = (check.in_short for check in checks if not (signed and check.name == "signature"))
    return ", ".join(_cut(each, LONGEST_PART) for each in dict.fromkeys(shown))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
