"""What people signed before the run: whether the envelopes of a seal approve its plan, and whose
they are."""

import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from deployctl.evidence import approval, artefact_check, plain_file, sshsig
from deployctl.evidence.approval import NAMESPACE, Approval, OfPlan
from deployctl.evidence.canonical import digest
from deployctl.evidence.checked import Check
from deployctl.evidence.moments import CLOCKS_PART, moment
from deployctl.evidence.policy import Policy
from deployctl.evidence.quoted import quoted
from deployctl.evidence.seal import APPROVALS
from deployctl.evidence.statement import Sealed

MOST: Final = 50
"""envelopes: each is a question to OpenSSH"""
_PLAN: Final = f"{APPROVALS}plan.json"
_NAME: Final = "approval"


def check(folder: Path, sealed: Sealed, policy: Policy) -> Iterator[Check]:
    """`folder` has the files of the run. Raises NoOpenSSHError, OSError from it."""
    files = _files(sealed)
    records = _records(sealed.predicate.get("approvals", []))
    if records is None:
        yield Check(_NAME, "failed", "its list of approvals makes no sense")
        return
    if len(files) > MOST:
        yield Check(_NAME, "failed", f"it has {len(files)} approvals; expected {MOST} at most")
        return
    people: dict[str, str] = {}
    for each in _each(folder, files, records, sealed, policy):
        if isinstance(each, Check):
            yield each
        else:
            # Nobody is two people by writing the name otherwise.
            people.setdefault(each.casefold(), each)
    if people:
        count = "1 approval" if len(people) == 1 else f"{len(people)} approvals"
        who = ", ".join(map(quoted, sorted(people.values())))
        yield Check(_NAME, "proven", f"{count} of its plan, signed by {who}", brief=count)
    yield from _unsigned(sealed.predicate, files, records)
    if policy.approvals is not None and len(people) < policy.approvals:
        wanted = f"{policy.approvals} approvals" if policy.approvals > 1 else "an approval"
        told = f"the policy requires {wanted} of its plan; {len(people) or 'none'} proven"
        yield Check(_NAME, "failed", told)


def not_looked_at(sealed: Sealed) -> Iterator[Check]:
    """Of a seal whose own signature fails: whose plan it is says nobody."""
    if _files(sealed):
        told = "its approvals (not looked at, since the seal's own signature does not hold)"
        yield Check(_NAME, "not-proven", told)


def _each(
    folder: Path,
    files: Mapping[str, str],
    records: Mapping[str, Mapping[str, Any]],
    sealed: Sealed,
    policy: Policy,
) -> Iterator[Check | str]:
    """Of each envelope who signed it, or what is wrong with it; nothing of one that was erased."""
    for record in (each for named, each in records.items() if named not in files.values()):
        told = f"the approval by {quoted(record.get('fingerprint'))} is none of its files"
        yield Check(_NAME, "failed", told)
    for name, named in files.items():
        if name == _PLAN:
            continue
        try:
            found = _read(folder / name, named)
            if found is None:
                continue  # told of the artefacts
            began = _bound(found, sealed, records.get(named), files.get(_PLAN))
            yield _who(name, found, policy, began)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            yield Check(_NAME, "failed", f"{name} is no approval of its plan: {why}")


def _read(file: Path, named: str) -> Approval | None:
    """None for one that was erased. Raises OSError, and ValueError with a clause that begins with
    `it`."""
    try:
        data = plain_file.read(file, approval.LARGEST_BYTES, follow=False)
    except FileNotFoundError:
        return None
    if digest(data) != named:
        raise ValueError("it is not the one that was sealed")
    return approval.read(data)


def _bound(
    found: Approval, sealed: Sealed, record: Mapping[str, Any] | None, plan: str | None
) -> datetime:
    """When the run began that it is an approval for. Raises ValueError where it is for none, or
    another. `plan`: the digest of the file that people were shown."""
    word, said = found.word, sealed.predicate
    if not isinstance(word, OfPlan):
        raise ValueError("it is about a seal, after a run")  # noqa: TRY004 - as all else
    if (word.planDigest, word.target) != (
        _at(said, "plan", "digest"), _at(said, "result", "target"),
    ):  # fmt: skip
        raise ValueError(f"it is about another plan, {word.planDigest} of {quoted(word.target)}")
    # A secret in the file is not there any more: its digest can't be had.
    if plan not in (None, word.fileDigest) and _at(said, "plan", "redacted") is not True:
        raise ValueError(f"it is about another file than {_PLAN}")
    if record is None or record.get("fingerprint") != found.fingerprint:
        raise ValueError("it is none that the seal tells of")
    at, began = moment(word.at), moment(_at(said, "result", "startedAt"))
    if at is None or began is None or (at - began).total_seconds() > CLOCKS_PART:
        raise ValueError("it was signed after the run began")
    return began


def _who(name: str, found: Approval, policy: Policy, began: datetime) -> Check | str:
    """Whoever the allowed signers named when the run began, as when it counted them. Raises
    ValueError."""
    claims = sshsig.read(found.envelope.signatures[0].sig)
    if claims.namespace != NAMESPACE:
        raise ValueError(f"it was signed as {quoted(claims.namespace)}, not as {NAMESPACE}")
    with tempfile.NamedTemporaryFile(prefix="deployctl.") as nobody:
        said = approval.check(found, policy.allowed_signers or Path(nobody.name), began)
    who = f"{found.fingerprint}, which says it is {quoted(found.word.by)}'s,"
    if said.state == "bad":
        detail = said.detail.replace(str(policy.allowed_signers), "allowed signers")
        raise ValueError(f"its signature by {who} does not hold: {detail}")
    if policy.allowed_signers is None:
        told = f"who signed {name} ({who} is known to nobody without allowed signers)"
        return Check(_NAME, "not-proven", told, brief="who approved")
    in_time = claims.valid is None or claims.valid[0] <= began.timestamp() < claims.valid[1]
    if said.state == "unknown" or not in_time:
        raise ValueError(f"its key {who} is nobody's whom the allowed signers name for then")
    return said.principal


def _unsigned(
    predicate: Mapping[str, Any], files: Mapping[str, str], records: Mapping[str, object]
) -> Iterator[Check]:
    """How it was approved, where nobody signed."""
    how = _at(predicate, "approval", "how")
    if how == "signed" and not records:
        told = "it says that people signed its plan, and tells of no approval"
        yield Check(_NAME, "failed", told)
    elif how != "signed" and isinstance(how, str) and not files:
        told = f"that anybody approved ({quoted(how)}: nobody signed)"
        yield Check(_NAME, "not-proven", told, brief=f"approval ({quoted(how)})")


def _files(sealed: Sealed) -> dict[str, str]:
    """The digests of what people signed and were shown."""
    found = artefact_check.digests(sealed)
    return {name: named for name, named in found.items() if name.startswith(APPROVALS)}


def _records(told: Any) -> dict[str, Mapping[str, Any]] | None:
    """What the seal tells of each, by the digest of its file; None for no such list."""
    if not isinstance(told, list) or not all(isinstance(each, Mapping) for each in told):
        return None
    return {str(each.get("digest")): each for each in told}


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
