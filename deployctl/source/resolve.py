"""Any name of a revision to exactly one commit."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployctl.errors import RefusedError
from deployctl.source.git import GitError, Repository, open_repository

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""by SHA-1 or, in a repository of that object format, SHA-256"""
ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,64}")
SHOWN_CANDIDATES = 10


@dataclass(frozen=True)
class Commit:
    """One commit of one repository.

    `sha` has 40 hex digits (64 by SHA-256), `short` at least 7 and is unambiguous in this clone.
    `dirty`: the working copy has changes (never shipped). `pushed`: whether a remote-tracking
    branch of this clone contains it; `None` when the clone has none to compare with.
    `committed_at` is what the committer's clock said, which may be wrong; `None` where it says no
    time at all.
    """

    repository: Path
    sha: str
    short: str
    subject: str
    dirty: bool
    pushed: bool | None
    committed_at: datetime | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before shipping it."""
        notes = []
        if self.dirty:
            notes.append(
                f"The working copy of {self.repository} has changes that are not in "
                f"{self.short}; they are not shipped."
            )
        if self.pushed is False:
            notes.append(
                f"Commit {self.short} is in no branch of a remote yet: nobody else has it until "
                "it is pushed."
            )
        return tuple(notes)


def resolve(repository: Path, revision: str) -> Commit:
    """The commit that `revision` (SHA, abbreviated SHA, branch, tag, `HEAD~1`, …) names.

    Raises `RefusedError` when it names none, several, or something that is not a commit, and
    when `repository` is no repository; the error says what to do.
    """
    repo = open_repository(repository)
    try:
        return _described(repository, repo, _commit(repo, revision))
    except GitError as error:
        raise RefusedError(
            f"git can't read `{revision}` in {repo.label}.",
            detail=error.message,
            next_step="git fsck",
        ) from None


def _described(repository: Path, repo: Repository, sha: str) -> Commit:
    # Not the author: nothing here depends on it, and it is a person's name.
    shown = repo.run("log", "-1", "--no-color", "--encoding=UTF-8", "--format=%ct %s", sha)
    seconds, _, subject = shown.decode(errors="replace").rstrip("\n").partition(" ")
    return Commit(
        repository=repository,
        sha=sha,
        short=repo.run("rev-parse", "--short=7", sha).decode().strip(),
        subject=subject,
        dirty=_dirty(repo),
        pushed=_pushed(repo, sha),
        committed_at=_moment(seconds),
    )


def _moment(seconds: str) -> datetime | None:
    """Anything may stand in a commit where its time should."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _commit(repo: Repository, revision: str) -> str:
    if not revision.strip() or revision.startswith("-") or not revision.isprintable():
        raise RefusedError(
            f"{revision!r} is not a revision.",
            next_step="Name a commit, a branch or a tag, for example: --sha d73cfb1",
        )
    if ".." in revision:
        raise _range(revision)
    try:
        # In two steps: in `:/text` and `HEAD:path` a suffix would belong to the text or the path.
        found = repo.run("rev-parse", "--verify", revision).decode().strip()
        sha = repo.run("rev-parse", "--verify", f"{found}^{{commit}}").decode().strip()
    except GitError as error:
        raise _unresolved(repo, revision, error.message) from None
    if not SHA.fullmatch(sha):
        raise _range(revision)
    _require_one_meaning(repo, revision, sha)
    return sha


def _range(revision: str) -> RefusedError:
    return RefusedError(
        f"`{revision}` names a range or an exclusion, not one commit.",
        next_step="Name one commit, for example: --sha HEAD~1",
    )


def _require_one_meaning(repo: Repository, revision: str, sha: str) -> None:
    """A branch may be called like a tag, or either like the start of a SHA; git quietly chooses."""
    branch, tag = f"refs/heads/{revision}", f"refs/tags/{revision}"
    meant = {_peeled(repo, name) for name in _refs(repo, branch, tag) if name in (branch, tag)}
    if len(meant) > 1:
        raise RefusedError(
            f"`{revision}` is both a branch and a tag, of different commits.",
            next_step=f"Name it in full: --sha {branch} or --sha {tag}",
        )
    if not ABBREVIATED.fullmatch(revision) or sha.startswith(revision.lower()):
        return
    others = _candidates(repo, revision)
    if others:
        raise RefusedError(
            f"`{revision}` is both the name of a branch or tag ({sha[:12]}) and the start of a "
            "commit's SHA.",
            detail="\n".join(others),
            next_step="Name the commit by all its digits.",
        )


def _refs(repo: Repository, *patterns: str) -> list[str]:
    listed = repo.run("for-each-ref", "--format=%(refname)", *patterns)
    return listed.decode(errors="surrogateescape").splitlines()


def _peeled(repo: Repository, name: str) -> str:
    return repo.run("rev-parse", "--verify", f"{name}^{{}}").decode().strip()


def _unresolved(repo: Repository, revision: str, message: str) -> RefusedError:
    if ABBREVIATED.fullmatch(revision) and len(candidates := _candidates(repo, revision)) > 1:
        return RefusedError(
            f"`{revision}` is the start of several commits' SHAs in {repo.label}.",
            detail="\n".join(candidates),
            next_step="Name it with more digits.",
        )
    kind = _kind(repo, revision)
    if kind not in ("", "commit"):
        return RefusedError(
            f"`{revision}` is a {kind}, not a commit.",
            next_step="Name a commit, a branch or a tag of a commit: git log --oneline",
        )
    if not _has_commits(repo):
        return RefusedError(
            f"The repository {repo.label} has no commits yet.",
            next_step="git commit, then name that commit.",
        )
    if repo.shallow:
        return RefusedError(
            f"There is no commit `{revision}` in {repo.label}, which is a shallow clone: most of "
            "its history is missing.",
            next_step="git fetch --unshallow (GitHub Actions: `fetch-depth: 0` for "
            "actions/checkout; GitLab CI: GIT_DEPTH: 0)",
        )
    detail = "" if "Needed a single revision" in message else message
    return RefusedError(
        f"There is no commit `{revision}` in {repo.label}.",
        next_step=_where_to_look(repo, revision),
        detail=detail,
    )


def _where_to_look(repo: Repository, revision: str) -> str:
    found = _refs(repo, f"refs/remotes/*/{revision}")
    known = [name.removeprefix("refs/remotes/") for name in found if name.endswith(f"/{revision}")]
    if known:
        return f"It is a branch of a remote: --sha {' or --sha '.join(known)}"
    remotes = repo.run("remote").decode(errors="replace").split()
    if not remotes:
        return "Check the name: git log --oneline --all. The clone has no remote to fetch from."
    advice = ["git fetch --all --tags, if it was pushed since"]
    if SHA.fullmatch(revision.lower()):
        advice.append(f"git fetch {remotes[0]} {revision}, if no branch has it")
    advice.append("git fetch URL-OF-THE-FORK BRANCH, if only a fork has it")
    return "; ".join([*advice, "else check the name: git log --oneline --all"])


def _candidates(repo: Repository, prefix: str) -> list[str]:
    """The commits whose SHA starts with `prefix`, a line each: SHA, date, subject."""
    try:
        objects = repo.run("rev-parse", f"--disambiguate={prefix}")
        described = repo.run("cat-file", "--batch-check", stdin=objects).decode().splitlines()
    except GitError:
        return []
    shas = [line.split()[0] for line in described if line.split()[1:2] == ["commit"]]
    if not shas:
        return []
    words = ("log", "--no-walk", "--no-color", "--encoding=UTF-8", "--format=%H %cs %s")
    lines = repo.run(*words, *shas[:SHOWN_CANDIDATES]).decode(errors="replace").splitlines()
    more = len(shas) - SHOWN_CANDIDATES
    return [*lines, f"… and {more} more"] if more > 0 else lines


def _kind(repo: Repository, revision: str) -> str:
    """What `revision` names, tags followed: commit, tree, blob; empty for nothing."""
    try:
        found = repo.run("rev-parse", "--verify", revision).decode().strip()
        peeled = repo.run("rev-parse", "--verify", f"{found}^{{}}").decode().strip()
        return repo.run("cat-file", "-t", peeled).decode().strip()
    except GitError:
        return ""


def _has_commits(repo: Repository) -> bool:
    try:
        return bool(repo.run("rev-list", "--all", "--max-count=1")) or bool(_kind(repo, "HEAD"))
    except GitError:
        return False


def _dirty(repo: Repository) -> bool:
    if repo.work_tree is None:
        return False
    try:
        return bool(repo.run("-C", str(repo.work_tree), "status", "--porcelain", "-z"))
    except GitError:
        # What can't be compared in time may well be changed, and saying so costs nothing.
        return True


def _pushed(repo: Repository, sha: str) -> bool | None:
    try:
        if not repo.run("for-each-ref", "--count=1", "refs/remotes"):
            return None
        words = ("for-each-ref", "--count=1", f"--contains={sha}", "refs/remotes")
        return bool(repo.run(*words))
    except GitError:
        return None
