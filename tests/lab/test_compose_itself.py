"""What deployctl makes of compose files, judged by the real Compose, many files in one question."""

import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from deployctl import composefile
from deployctl.composefile.reconstruct import Candidate, Known, candidates
from deployctl.config.load import load
from deployctl.config.settings import Settings
from deployctl.engines.compose import remains, survey, weigh
from deployctl.engines.compose.repair import choose
from deployctl.engines.compose.weigh import Weighed
from deployctl.errors import RefusedError
from deployctl.host.link import Link
from deployctl.rollout.address import host_address
from tests.cases import works
from tests.corruptions import STACKS, corruptions, lost_lines, lost_ranges

from .client import Client
from .server import Server

STARTED = {"profiles": ("api", "proxy")}
"""where not every service of a stack has a container"""
FOREIGN = {"only a comment is left", "it is another file"}
"""corruptions after which the file has lines that it never had"""


def put(server: Server, files: Mapping[str, bytes]) -> None:
    """Writes files on the host, below /opt/stacks."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    script = "mkdir -p /opt/stacks && tar -x -C /opt/stacks"
    server.host.must(["sh", "-c", script], stdin=stream.getvalue())


def rendered(server: Server, folder: str, words: Mapping[str, str]) -> dict[str, Any]:
    """What Compose makes of each list of options, as its own JSON; None where it refuses."""
    script = f"cd /opt/stacks/{folder} && " + "; ".join(
        f"echo '== {name}'; docker compose --profile '*' --project-directory . {options}"
        " config --format json 2>/dev/null | tr -d '\\n'; echo"
        for name, options in words.items()
    )
    found = {}
    for block in server.sh(script).split("== ")[1:]:
        name, _, text = block.partition("\n")
        found[name] = json.loads(text) if text.strip() else None
    return found


# -- reconstruction -----------------------------------------------------------------------------


@pytest.fixture
def stacks(server: Server) -> Iterator[None]:
    """Every stack with its containers, created but not started."""
    put(server, {f"{name}/compose.yml": data for name, data in STACKS.items()})
    for name in STACKS:
        compose = f"cd /opt/stacks/{name} && docker compose -p stack-{name}"
        server.sh(f"{compose} up --no-start --no-build --pull never 2>&1")
    yield
    for name in STACKS:
        server.sh(f"cd /opt/stacks/{name} && docker compose -p stack-{name} down -v 2>&1")
    server.sh("rm -rf /opt/stacks")


def settings_of(client: Client, stack: str) -> Settings:
    base = load(client.config, client.target, os.environ)
    compose = base.compose.model_copy(update={"project": f"stack-{stack}"})
    services = STARTED.get(stack) or composefile.services(STACKS[stack])
    return base.model_copy(update={"compose": compose, "project": None, "services": services[:1]})


@works("Compose files", "over 30 corruptions of five stacks: the same services again, or a refusal")
def test_a_broken_file_gives_the_same_services_or_a_refusal(
    server: Server, client: Client, stacks: None
) -> None:
    """Whole blocks, single lines and byte ranges are lost; images only, and much more."""
    seen: Counter[str] = Counter()
    for stack, whole in STACKS.items():
        cases = [*corruptions(whole), *[*lost_lines(whole)][::8], *lost_ranges(whole, 8)]
        recorded = [Known("release", "release r1", whole)]
        chosen = {}
        for name, broken, found, weighed in judged(client, stack, cases):
            if found is None:
                seen["unchanged"] += 1
                continue
            try:
                chosen[name] = choose(found, weighed).data
                seen["repaired"] += 1
            except RefusedError:
                seen["refused"] += 1
            # With a record of the file nothing is lost, but for what was never in it.
            first, *_ = candidates(broken, recorded, ())
            assert first.data == whole, name
            assert bool(first.objections) is (name in FOREIGN), f"{name}: {first.objections}"
        models = {data: f"{number}.yml" for number, data in enumerate([whole, *chosen.values()])}
        put(server, {f"{stack}/{file}": data for data, file in models.items()})
        project = f"-p stack-{stack}"
        options = {file: f"{project} -f {file}" for file in models.values()}
        made = rendered(server, stack, options)
        for name, data in chosen.items():
            assert made[models[data]] is not None, f"{stack}: {name}"
            assert made[models[data]]["services"] == made[models[whole]]["services"], (
                f"{stack}: {name}"
            )
    assert seen["repaired"] >= 5 * 10, seen
    assert seen["refused"] >= 5 * 10, seen


def judged(
    client: Client, stack: str, cases: list[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes, tuple[Candidate, ...] | None, list[Weighed]]]:
    """Each case with its candidates and what Compose says of each; None if it accepts the file."""
    settings = settings_of(client, stack)
    link = Link(host_address(settings.host))
    try:
        facts = survey.take(link.host, settings, probe_write="no")
        left = remains.take(link.host, facts, ())
        listed = {
            name: tuple(c for c in candidates(broken, (), left.running) if not c.objections)
            for name, broken in cases
        }
        files = {c.data for found in listed.values() for c in found}
        files |= {broken for _, broken in cases if is_text(broken)}
        ordered = sorted(files)
        services = sorted(one.service for one in left.running)
        answers = weigh.weigh(link.host, facts, facts.files[0].path, ordered, services, ())
    finally:
        link.close()
    said = dict(zip(ordered, answers, strict=True))
    for name, broken in cases:
        accepted = broken in said and not said[broken].refused
        found = None if accepted else listed[name]
        yield name, broken, found, [said[c.data] for c in found or ()]


def is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


# -- setting an image ---------------------------------------------------------------------------

NEW = "registry.example:5000/team/app:d73cfb1"
LONG = b"services:\n" + b"".join(
    b"  s%d:\n    image: techno-os-api:86ad4ff # %d\n    environment:\n      N: %d\n" % (n, n, n)
    for n in range(1250)
)
FILES = {
    **{f"{name}.yml": data for name, data in STACKS.items()},
    "long.yml": LONG,
    "env.yml": b"services:\n  api:\n    image: ${REG}/api:${TAG:-latest} # x\n    user: ${A:-me}\n",
    "build.yml": b"services:\n  api: {build: ., ports: ['80']}\n  web: {build: {context: web}}\n",
    "json.yml": b'{"services": {"api": {"image": "a:1", "tty": true}, "b": {"image": "b:1"}}}\n',
    "included.yml": b"include: [json.yml]\nservices:\n  own:\n    image: 'own:1'\n",
    "extended.yml": b"services: {mine: {extends: {file: json.yml, service: api}, tty: false}}\n",
    "first.yml": b"services:\n  api:\n    image: a:1\n    ports: ['80']\n  db: {image: pg}\n",
    "second.yml": b"services:\n  api:\n    # here\n    image: &i a:2\n  cron: {image: *i}\n",
    ".env": b"REG=reg.example\nTAG=7\n",
}
SETS = {
    "env.yml": ("api",), "build.yml": ("api", "web"), "json.yml": ("api",),
    "long.yml": ("s0", "s999"),
    "included.yml": ("own",), "extended.yml": ("mine",), "report.yml": ("api", "postgres"),
    "anchors.yml": ("web", "queue", "db"), "workers.yml": ("worker", "scheduler"),
    "profiles.yml": ("api", "migrate"), "labels.yml": ("app", "edge"),
}  # fmt: skip


@works("Compose files", "an image is set in files of every style; Compose sees no other change")
def test_compose_sees_one_other_image_and_nothing_else(server: Server) -> None:
    """`extends`, `include`, profiles, `.env`, several -f, anchors, JSON, 5,000 lines."""
    put(server, {f"edit/{name}": data for name, data in FILES.items()})
    wanted: dict[str, tuple[str, str]] = {}
    options = {}
    for name, services in SETS.items():
        options[name] = f"-p edit -f {name}"
        for service in services:
            edited = f"{service}.{name}"
            put(server, {f"edit/{edited}": composefile.set_image(FILES[name], service, NEW)})
            options[edited] = f"-p edit -f {edited}"
            wanted[edited] = (name, service)
    listed = [(name, FILES[name]) for name in ("first.yml", "second.yml")]
    assert composefile.file_to_edit(listed, "api") == 1
    put(server, {"edit/both.yml": composefile.set_image(FILES["second.yml"], "api", NEW)})
    options["two"] = "-p edit -f first.yml -f second.yml"
    options["two edited"] = "-p edit -f first.yml -f both.yml"
    wanted["two edited"] = ("two", "api")
    made = rendered(server, "edit", options)
    server.sh("rm -rf /opt/stacks")
    for edited, (before, service) in wanted.items():
        expected = made[before]
        assert expected is not None, before
        assert made[edited] is not None, edited
        expected = json.loads(json.dumps(expected))
        expected["services"][service]["image"] = NEW
        assert without_extensions(made[edited]) == without_extensions(expected), edited


def without_extensions(model: dict[str, Any]) -> dict[str, Any]:
    """An anchored image that others repeat stays beside the new one, as `x-image`."""
    services = {
        name: {key: value for key, value in service.items() if not key.startswith("x-")}
        for name, service in model["services"].items()
    }
    return {**model, "services": services}
