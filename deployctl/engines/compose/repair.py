"""Which candidate takes the place of a broken Compose file. Pure but for `reconstruct`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployctl import composefile
from deployctl.composefile.reconstruct import Candidate, Known, candidates, compared, told_diff
from deployctl.engines.compose import remains, weigh
from deployctl.engines.compose.remains import Remains
from deployctl.engines.compose.survey import ComposeSource, Survey
from deployctl.engines.compose.weigh import Weighed
from deployctl.errors import RefusedError
from deployctl.host.connection import Host, ProgramFailed

BY_HAND = (
    "Mend the file on the host by hand (deployctl compose diagnose names its faults), or name a "
    "release whose file is recorded: deployctl compose repair --from-release rN"
)


@dataclass(frozen=True)
class Reconstruction:
    """What takes the place of one broken file, with the image that runs.

    `compared` is what is the same in file and containers, and what isn't, in lines.
    """

    path: str
    """as Compose is given it"""
    source: str
    broken: bytes
    data: bytes
    diff: str
    compared: tuple[str, ...]
    weighed: Weighed


def reconstruct(
    host: Host,
    survey: Survey,
    known: Sequence[Known],
    public: Sequence[str],
    release: str | None = None,
) -> Reconstruction:
    """Raises RefusedError when nothing known is proven to be what the containers run from, and when
    the host doesn't answer as it should.

    `known` are whole files from elsewhere (template, commit), after the recorded releases' own.
    With `release` only that one's recorded file is taken, and what it lacks is no objection.
    """
    try:
        return _reconstruct(host, survey, known, public, release)
    except ProgramFailed as failure:
        raise RefusedError(
            f"What is known of the broken Compose file could not be asked on {host.label} "
            f"({failure.kind}): {failure.message}",
            next_step="deployctl doctor",
        ) from failure


def _reconstruct(
    host: Host,
    survey: Survey,
    known: Sequence[Known],
    public: Sequence[str],
    release: str | None,
) -> Reconstruction:
    left = remains.take(host, survey, public)
    file = broken_file(survey) if release is None else _recorded_file(survey, left, release)
    listed = proposals(survey, file, left, known, release)
    services = sorted(service.service for service in left.running)
    seen = weigh.weigh(
        host, survey, file.path, [candidate.data for candidate in listed], services, public
    )
    chosen = choose(listed, seen, ignore=release is not None)
    # The same question as a survey asks it: what the run's own services would get.
    [own] = weigh.weigh(host, survey, file.path, [chosen.data], survey.services, public)
    return Reconstruction(
        path=file.path,
        source=chosen.name,
        broken=file.data,
        data=chosen.data,
        diff=told_diff(file.data, chosen.lines, file.real_path),
        compared=compared(chosen.data, left.running),
        weighed=own,
    )


def broken_file(survey: Survey) -> ComposeSource:
    """The one file that has faults. Raises RefusedError when it isn't one."""
    if len(survey.files) == 1:
        return survey.files[0]
    unsourced = composefile.unsourced([source.data for source in survey.files])
    seen = {index for index, _ in unsourced}
    bad = [
        source
        for index, source in enumerate(survey.files)
        if index in seen or _is_faulty(source.data)
    ]
    if len(bad) != 1:
        raise RefusedError(
            f"Which of the Compose files is broken can't be told: {len(bad)} of "
            f"{len(survey.files)} have faults that can be seen.",
            next_step="deployctl compose diagnose names the faults; mend the files on the host, or "
            "name a release whose file is recorded: deployctl compose repair --from-release rN",
        )
    return bad[0]


def _is_faulty(data: bytes) -> bool:
    return any(found.severity == "fault" for found in composefile.check(data, override=True))


def _recorded_file(survey: Survey, left: Remains, release: str) -> ComposeSource:
    """The file that this release is recorded with: the one of which that says another thing."""
    recorded = {one.path: one.data for one in left.recorded if one.release == release}
    known = [file for file in survey.files if file.real_path in recorded]
    differing = [file for file in known if file.data != recorded[file.real_path]]
    if len(differing) == 1:
        return differing[0]
    return known[0] if len(known) == 1 else broken_file(survey)


def proposals(
    survey: Survey,
    file: ComposeSource,
    left: Remains,
    known: Sequence[Known],
    release: str | None,
) -> tuple[Candidate, ...]:
    """Pure. The recorded file of the live release first, then `known`, then what is left."""
    own = [one for one in left.recorded if one.path == file.real_path]
    if release is not None:
        own = [one for one in own if one.release == release]
        if not own:
            have = ", ".join(sorted({one.release for one in left.recorded})) or "none"
            raise RefusedError(
                f"No Compose file of {release} is recorded on the host (recorded: {have}).",
                next_step="deployctl history shows the releases; deployctl compose repair takes "
                "what it finds.",
            )
        wanted = [Known("release", f"release {release}", own[-1].data)]
        return tuple(c for c in candidates(file.data, wanted, ()) if c.source == "release")
    live = [one for one in own if one.release == survey.live][-1:]
    wanted = [Known("release", f"release {one.release}", one.data) for one in live]
    return candidates(file.data, [*wanted, *known], left.running, alone=len(survey.files) == 1)


def choose(
    listed: Sequence[Candidate], seen: Sequence[Weighed], *, ignore: bool = False
) -> Candidate:
    """Pure: the first that Compose proves and nothing speaks against; RefusedError without one."""
    against: dict[str, str] = {}
    for candidate, weighed in zip(listed, seen, strict=True):
        objections = () if ignore else candidate.objections
        if candidate.source == "containers" and not weighed.strictly:
            objections += ("its containers were made without their dependencies",)
        if weighed.proven and not objections:
            return candidate
        against.setdefault(candidate.name, _why(objections, weighed))
    raise RefusedError(
        "The Compose file is broken, and can't be reconstructed without guessing. "
        + _told(against),
        next_step=BY_HAND,
    )


def _why(objections: Sequence[str], weighed: Weighed) -> str:
    if weighed.refused:
        return f"Compose refuses it: {weighed.refused[-300:]}"
    if weighed.disturbed:
        return f"it isn't what runs ({'; '.join(weighed.disturbed[:4])})"
    return "; ".join(objections)


def _told(against: Mapping[str, str]) -> str:
    if not against:
        return "Nothing is known that could take its place."
    return " ".join(f"From {name}: {why}." for name, why in against.items())
