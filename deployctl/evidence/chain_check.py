"""Each seal names the one before it in the host's journal; they lie in directories beside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployctl.evidence import plain_file, signer_check
from deployctl.evidence.approval import Digest
from deployctl.evidence.canonical import digest
from deployctl.evidence.chain import NO_ENTRY
from deployctl.evidence.moments import CLOCKS_PART, moment
from deployctl.evidence.policy import Policy
from deployctl.evidence.quoted import quoted
from deployctl.evidence.seal import NAME
from deployctl.evidence.statement import LARGEST_BYTES, Sealed, parse_seal

Told = tuple[Literal["proven", "not-proven", "failed"], str]
_START: Final = f"sha256:{NO_ENTRY}"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Journal(_Strict):
    id: Digest
    seq: Annotated[int, Field(ge=1)]
    headBefore: Digest  # noqa: N815 - as it is written
    headAfter: Digest  # noqa: N815

    @property
    def makes_sense(self) -> bool:
        """The first entry's digest is the journal's name; nothing comes after no entry."""
        return self.headAfter != _START and (self.seq == 1) == (self.headAfter == self.id)


class _Previous(_Strict):
    digest: Digest


class _Place(BaseModel):
    journal: _Journal | None = None
    previousSeal: _Previous | None = None  # noqa: N815


class _NoPlaceError(ValueError):
    pass


def check(file: Path, sealed: Sealed, policy: Policy) -> Iterator[Told]:
    """Raises NoOpenSSHError, OSError from it."""
    wanted = policy.chain == "required"
    lacking: Literal["failed", "not-proven"] = "failed" if wanted else "not-proven"
    try:
        place = _place(sealed)
        followed, here, seen, beside = 0, sealed, {sealed.digest}, _Beside(file)
        while place.previousSeal is not None and (wanted or not followed):
            name = place.previousSeal.digest
            before = beside.find(name)
            if before is None:
                yield lacking, _gap(name, followed, beside)
                return
            broken = "the chain of seals is a ring" if name in seen else _broken(before, here)
            if wanted and not broken:
                broken = _unsigned(before, policy)
            if broken:
                yield "failed", broken
                return
            seen.add(name)
            followed, here, place = followed + 1, before, _place(before)
    except _NoPlaceError as error:
        yield "failed", str(error)
        return
    yield from _ends(place, followed, lacking)


def _ends(last: _Place, followed: int, lacking: Literal["failed", "not-proven"]) -> Iterator[Told]:
    """`last`: of the oldest seal that was followed to."""
    which = "the oldest seal" if followed else "it"
    if followed:
        count = "the seal" if followed == 1 else f"the {followed} seals"
        yield "proven", f"follows {count} before it"
    if last.previousSeal is not None:
        return  # nobody asked to follow all of them
    nobody = "nobody can tell " if lacking == "failed" else ""
    if last.journal is None:
        yield lacking, f"{nobody}its place in a journal ({which} names none)"
    elif last.journal.headBefore != _START:
        told = f"{which} names none before it, and its journal had entries before its run"
        yield lacking, f"{nobody}whether a seal is missing ({told})"
    elif not followed:
        yield "proven", "the first seal of its journal"


def _place(sealed: Sealed) -> _Place:
    predicate = sealed.predicate
    try:
        place = _Place.model_validate(
            {name: predicate.get(name) for name in ("journal", "previousSeal")}
        )
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        told = f"the place in a journal that {sealed.digest} names makes no sense ({where})"
        raise _NoPlaceError(told) from error
    if place.journal is not None and not place.journal.makes_sense:
        raise _NoPlaceError(f"the place in a journal that {sealed.digest} names can't be")
    return place


def _gap(name: str, followed: int, beside: "_Beside") -> str:
    told = f"the seal {name} before {'it' if not followed else f'the {followed} before it'}"
    told = f"the chain has a gap: {told} is not here: removed by retention, or taken away"
    return f"{told} ({', '.join(beside.unread)})" if beside.unread else told


def _broken(before: Sealed, after: Sealed) -> str:
    """How the one contradicts the other. Raises _NoPlaceError."""
    if _target(before) != _target(after):
        told = "is of another target"
    else:
        told = _misplaced(_place(before).journal, _place(after).journal)
    then, now = (moment(each.predicate.get("sealedAt")) for each in (before, after))
    if then is None or now is None:
        told = told or "does not say when it was sealed"
    elif (then - now).total_seconds() > CLOCKS_PART:
        told = told or f"was sealed later, at {then:%FT%TZ}"
    return f"the seal before it, {before.digest}, {told}" if told else ""


def _misplaced(first: _Journal | None, second: _Journal | None) -> str:
    if first is None or second is None:
        return ""  # that journal couldn't be written then; its seal was noted later
    if first.id != second.id:
        return "is of another journal: it was begun anew"
    if first.seq >= second.seq:
        return "stands later in the journal"
    if first.headAfter == second.headAfter:
        return "stands at the same entry of the journal, by another number"
    return ""


def _target(sealed: Sealed) -> Any:
    result = sealed.predicate.get("result")
    return result.get("target") if isinstance(result, dict) else None


def _unsigned(before: Sealed, policy: Policy) -> str:
    """Why nobody can say that one of the allowed signers has sealed it."""
    sealed_at = moment(before.predicate.get("sealedAt"))
    if sealed_at is None:
        return f"the seal before it, {before.digest}, does not say when it was sealed"
    told = [each.told for each in signer_check.check(before, policy, sealed_at)
            if each.state != "proven"]  # fmt: skip
    return f"the seal before it, {before.digest}, isn't proven: {'; '.join(told)}" if told else ""


class _Beside:
    """The seals in the directories beside a run's, by their digests. `unread`: what could not be
    read, and may be one of them."""

    def __init__(self, file: Path) -> None:
        own = file.absolute().parent
        self.unread: list[str] = []
        try:
            folders = sorted(own.parent.iterdir(), reverse=True)
        except OSError as error:
            self.unread.append(f"{quoted(own.parent)} can't be read: {error.strerror}")
            folders = []
        # The one before is mostly the next older: names of runs sort by time.
        older = [each for each in folders if each.name < own.name]
        later = [each for each in folders if each.name > own.name]
        self._files = iter([each / NAME for each in (*older, *later)])
        self._known: dict[str, Path] = {}

    def find(self, name: str) -> Sealed | None:
        """Only the one that is looked for is parsed."""
        if name in self._known:
            data = self._bytes(self._known[name])
        else:
            data = next(filter(None, (self._look(name, file) for file in self._files)), None)
        if data is None or digest(data) != name:
            return None
        try:
            return parse_seal(data)
        except ValueError:
            return None

    def _look(self, name: str, file: Path) -> bytes | None:
        data = self._bytes(file)
        if data is None:
            return None
        found = digest(data)
        self._known[found] = file
        return data if found == name else None

    def _bytes(self, file: Path) -> bytes | None:
        try:
            return plain_file.read(file, LARGEST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.unread.append(f"{quoted(file)} can't be read: {error.strerror}")
        except ValueError as error:
            self.unread.append(f"{quoted(file)} can't be read: {error}")
        return None
