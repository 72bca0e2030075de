"""What an audit checks of the seals that it compares: the files beside each, and by a policy who
signed it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deployctl.errors import ExitCode
from deployctl.evidence import artefact_check
from deployctl.evidence.audited import Finding, SealCopy
from deployctl.evidence.policy import Policy
from deployctl.evidence.statement import read_seal
from deployctl.rollout.verify import verify


def signatures(seals: Sequence[SealCopy], policy: Policy) -> Iterator[Finding]:
    """As `verify` says, with the artefacts. They may be old, and the journal is their chain.

    Raises RefusedError where there is nothing to check them with.
    """
    for seal in seals:
        # What changed nothing needed nobody's approval.
        less = {"max_age": None, "chain": "any"} | ({} if seal.took_part else {"approvals": None})
        verdict = verify(Path(seal.place), policy.model_copy(update=less))
        if verdict.exit_code != ExitCode.SEALED:
            yield Finding(None, f"{seal.place}: {verdict.sentence.rstrip('.')}")


def artefacts(seals: Sequence[SealCopy], *, may_be_alone: bool) -> Iterator[Finding | SealCopy]:
    """What is wrong with the files beside each; the seals that lie where none of theirs is, if
    those were copied alone: `may_be_alone`."""
    for seal in seals:
        path = Path(seal.place)
        try:
            sealed = read_seal(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            yield Finding(None, f"{seal.place} can't be read any more: {why}")
            continue
        if may_be_alone and artefact_check.alone(path, sealed):
            yield seal
            continue
        for check in artefact_check.check(path, sealed):
            if check.state == "failed":
                yield Finding(None, f"{seal.place}: {check.told}")
