"""`deployctl compose diagnose` on a target: the files, what Compose says of them, what runs."""

import re
from pathlib import PurePosixPath

from deployctl import composefile
from deployctl.config.settings import Settings
from deployctl.engines.compose import survey, whole
from deployctl.engines.compose.refusals import refusal
from deployctl.engines.compose.survey import Survey
from deployctl.host.connection import ProgramFailed
from deployctl.host.keys import Ask, ask_nobody
from deployctl.host.link import Link
from deployctl.rollout.address import host_address
from deployctl.rollout.diagnosis import Diagnosis, Fault, diagnosis

TIMEOUT = 30.0
UNSET = re.compile(r'The \\?"([A-Za-z_][A-Za-z0-9_]*)\\?" variable is not set')
LINE = re.compile(r"\bline (\d+)")


def diagnose(settings: Settings, ask: Ask = ask_nobody) -> Diagnosis:
    """Touches nothing. Raises RefusedError and UnreachableError as a survey does."""
    link = Link(host_address(settings.host), ask)
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        named = _env_files(facts)
        answer = link.host.run(
            "diagnose",
            {
                "DOCKER": "\n".join(facts.docker),
                "COMPOSE_WORDS": "\n".join(facts.compose_words),
                "PROJECT": facts.project,
                "PUBLIC": "\n".join(settings.public),
                "ENV_FILES": "\n".join(named.values()),
            },
            timeout=TIMEOUT,
        )
        found = whole.take(link.host, facts, settings.public)
    except ProgramFailed as failure:
        raise refusal(failure.kind, failure.message, link.host.label) from failure
    finally:
        link.close()
    states = [state.decode("utf-8", "replace") for state in answer.all("env-file")]
    wrong = dict(zip(named, states, strict=False))
    return diagnosis(
        ", ".join(source.path for source in facts.files),
        faults_of(facts, wrong, answer.text("said", "")),
        target=settings.target,
        drift=list(found.moved),
        differences=list(found.differences),
        untold=found.untold,
        compose=facts.config_error.strip(),
    )


def faults_of(facts: Survey, env_files: dict[str, str], said: str) -> list[Fault]:
    """Pure: the faults and notes of every file, then what only Compose has noticed.

    `env_files` maps the paths that services name to what is wrong with each.
    """
    running = tuple(
        (service, "its container is on the host")
        for service in sorted({c.service for c in facts.containers if c.service})
    )
    around = composefile.Surroundings(
        services=running, env_file=lambda path: env_files.get(path, "")
    )
    several = len(facts.files) > 1
    taken = not facts.config_error.strip()  # a setting that only a newer Compose knows is none
    faults = [
        Fault.of(fault, source.path)
        for source in facts.files
        for fault in composefile.check(source.data, override=several, around=around)
        if not (fault.unknown and taken)
    ]
    if several:
        unsourced = composefile.unsourced([source.data for source in facts.files])
        faults += [Fault.of(fault, facts.files[index].path) for index, fault in unsourced]
    faults += _unset(facts, said)
    if facts.config_error.strip() and all(fault.severity == "note" for fault in faults):
        line = LINE.search(facts.config_error)
        faults.append(
            Fault(
                line=int(line[1]) if line else 1,
                column=1,
                message=f"Compose refuses it: {facts.config_error.strip()}",
                mend="Correct what it names, or reconstruct the file: deployctl compose repair",
                file=facts.files[0].path,
            )
        )
    return faults


def _unset(facts: Survey, said: str) -> list[Fault]:
    """Only Compose on the host knows which variables are set there."""
    faults = []
    for name in dict.fromkeys(UNSET.findall(said)):
        places = ((s.path, composefile.place_of_variable(s.data, name)) for s in facts.files)
        path, place = next(
            ((path, place) for path, place in places if place), (facts.files[0].path, (1, 1))
        )
        faults.append(
            Fault(
                line=place[0],
                column=place[1],
                message=f"The variable `{name}` is not set on the host, and has no default.",
                mend=f"Set it in .env in {facts.project_dir}, or write ${{{name}:-DEFAULT}}.",
                file=path,
            )
        )
    return faults


def _env_files(facts: Survey) -> dict[str, str]:
    """Path as written -> path on the host."""
    folder = PurePosixPath(facts.project_dir)
    paths = (path for source in facts.files for path in composefile.env_file_paths(source.data))
    return {path: str(folder / path) for path in paths if "\n" not in path}
