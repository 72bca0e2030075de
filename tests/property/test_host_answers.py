"""Whatever a host answers: a survey of it, or a refusal; and what is told of it can be written."""

import json
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.config.settings import HostSettings, Settings
from deployctl.engines.compose import look, preflight, room, survey, tidy
from deployctl.engines.compose.job import describe_holder
from deployctl.engines.compose.job_line import parse_event
from deployctl.engines.compose.survey import read_about
from deployctl.engines.releases import write_record
from deployctl.engines.retention import Spare
from deployctl.errors import ExitCode, RefusedError
from deployctl.host.connection import ProgramFailed
from deployctl.host.wire import Answer, Record
from deployctl.rollout.history import parse_runs
from deployctl.rollout.status import describe_host
from deployctl.ui.documents import status_text
from tests.cases import Case, refuses, works
from tests.unit.engines.support import API, LEFT_ALONE, record

SETTINGS = Settings(target="lab", host=HostSettings(host="vps"), services=("api",))
DEEP = "[" * 3000 + "]" * 3000
INSPECTED: dict[str, Any] = {
    "id": "c1", "name": "/techno-os-api", "imageId": "sha256:a", "imageRef": "techno-os-api:v1",
    "state": {
        "Status": "running", "StartedAt": "2026-01-03T07:32:01.123456789Z", "ExitCode": 0,
        "Health": "healthy",
    },
    "restartCount": 2, "networks": {"app": {"IPAddress": "172.20.0.3"}},
    "ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]}, "service": "api",
    "error": "", "health": [{"exitCode": 0, "output": "ok"}],
}  # fmt: skip
ABOUT = {"runId": "x", "command": "hotfix", "revision": "d73cfb1", "by": "ann", "at": "07:32"}
TRUTH: list[tuple[str, str]] = [
    ("user", "deploy"),
    ("docker", "docker"), ("project", "techno-os"), ("project-dir", "/opt"),
    ("compose-words", "-p\ntechno-os"), ("file", "/a.yml"), ("file-real", "/a.yml"),
    ("file-sha", "f" * 64), ("file-stat", "664 deploy techno"), ("file-writable", "yes"),
    ("file-bytes", "services:\n  api:\n    image: a:1\n"), ("containers", json.dumps(INSPECTED)),
    ("images", "a:1"), ("config", "ok"), ("dry-run", LEFT_ALONE), ("built", "sha256:a digest"),
    ("info", '{"version": "26.1", "plugins": [{"Name": "compose", "Version": "2.26"}]}'),
    ("disk-root", "1 2 3 4"), ("state-dir", "/var/lib/deployctl/x"), ("disk-state", "1 2 3 4"),
    ("live", "r1"), ("live-since", "17674"), ("release", write_record(record("r1"))),
    ("lock-held", json.dumps(ABOUT)), ("unfinished", "x armed"),
    ("unfinished-about", json.dumps(ABOUT)), ("unfinished-silent", "3"), ("unfinished-left", "9"),
    ("unfinished-step", "swap"), ("guard", "cron"), ("last-build", "4096"),
]  # fmt: skip

texts = st.sampled_from(
    [
        "", "0", "-1", "1e999", "NaN", "9" * 25, "9" * 5000, "\N{SUPERSCRIPT TWO}", "null", "[]",
        "{}", '"\\ud800"', '{"id": "\\ud800"}', DEEP, f'{{"id": "c1", "state": {DEEP}}}',
        f'{{"runId": {DEEP}}}', "\x1b]0;x\x07\x1b[2J", "x" * 100_000, "a\nb\nc", "r1\nr2",
        "Container x Recreate\n" * 999, '{"version": 3}', '{"plugins": {"Name": 1}}',
    ]
)  # fmt: skip
values = texts.map(str.encode) | st.binary(max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["0001-", "2026-13-01T00:00:00Z", "80/tcp", 10**400])
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """The truth with some records put otherwise, left out, or said twice."""
    records = [Record(name, text.encode()) for name, text in TRUTH]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(records) - 1))
        name = records[at].name
        match draw(st.sampled_from(["other", "none", "twice", "tree"])):
            case "none":
                del records[at]
            case "twice":
                records.insert(at, Record(name, draw(values)))
            case "tree":
                records[at] = Record(name, json.dumps(draw(lies())).encode())
            case _:
                records[at] = Record(name, draw(values))
    return Answer(records)


@st.composite
def lies(draw: st.DrawFn) -> dict[str, Any]:
    """What Docker says of a container, with a value of another kind somewhere in it."""
    told = json.loads(json.dumps(INSPECTED))
    part = told
    while True:
        key = draw(st.sampled_from(sorted(part)))
        if not isinstance(part[key], dict) or not part[key] or draw(st.booleans()):
            part[key] = draw(trees)
            return told
        part = part[key]


class Liar:
    """A host that answers what it is told to; a fake, as no real one would."""

    label = "deploy@vps:22"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.host = self

    def run(self, *_: object, **__: object) -> Answer:
        return self.answer


@works("Hostile input", "a host whose survey is cut, doubled, or of any values")
@given(answers())
@settings(max_examples=200, deadline=None)
def test_any_survey_is_understood_or_refused(answer: Answer) -> None:
    try:
        facts = survey.take(Liar(answer), SETTINGS, probe_write="no")  # type: ignore[arg-type]
    except RefusedError:
        return
    preflight.judge(facts, SETTINGS.services, accept_drift=False)
    preflight.warnings(facts, SETTINGS.services)
    document = describe_host(SETTINGS, facts, "deploy@vps:22")
    json.dumps(document.model_dump(mode="json", by_alias=True))
    assert not any("\x1b" in line for line in status_text(document))


@given(st.lists(lies().map(json.dumps) | texts, max_size=3).map("\n".join))
@settings(max_examples=100, deadline=None)
def test_any_inspection_is_containers_or_an_answer_that_is_none(lines: str) -> None:
    liar = Liar(Answer([Record("containers", lines.encode("utf-8", "replace"))]))
    try:
        ids = [c.id for c in look.containers(liar, survey_of_truth())]  # type: ignore[arg-type]
    except ProgramFailed as failure:
        ids = [failure.message[:300]]
    assert all(ids)


def survey_of_truth() -> survey.Survey:
    records = [Record(name, text.encode()) for name, text in TRUTH]
    return survey.parse(Answer(records), ("api",))


def test_the_truth_is_understood() -> None:
    facts = survey_of_truth()
    assert [c.id for c in facts.containers] == [API.id]
    assert facts.compose_version == "2.26"


@refuses(
    "Hostile input", "docker inspect that is not JSON", 23, "did not answer as it should (protocol)"
)
def test_an_inspection_that_is_no_json_is_no_host_where_nothing_runs(refusal: Case) -> None:
    records = [Record(name, text.encode()) for name, text in TRUTH if name != "containers"]
    liar = Liar(Answer([*records, Record("containers", b"Cannot connect to the daemon\n")]))
    with pytest.raises(RefusedError) as caught:
        survey.take(liar, SETTINGS, probe_write="no")  # type: ignore[arg-type]
    assert caught.value.code == refusal.code == ExitCode.REFUSED
    assert refusal.sentence in caught.value.what


@given(st.lists(trees.map(json.dumps) | texts | st.text(max_size=9), max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_history_log_and_lock_can_be_told(lines: list[str]) -> None:
    parse_runs(lines)
    for line in lines:
        parse_event(line)
        assert describe_holder(read_about(line)).encode(errors="backslashreplace")


LEFT: list[tuple[str, str]] = [
    ("tags", "sha256:a\ttechno-os-api:v1\nsha256:b\t<none>:<none>"),
    ("holders", '{"id": "c1", "image": "sha256:a", "pin": "x", "status": "created"}'),
    ("made", "run\tsha256:a\ttechno-os-api:v1\t4096"), ("runs", "run\tconfirmed\t17674\tr1"),
    ("elsewhere", ""), ("room", "image\ta\tb\t1GB\t0\ncache\ta\tfalse\tfalse\t1GB"),
    ("freed", "4096"), ("failed", ""),
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(sorted(dict(LEFT))), values), max_size=3))
@settings(max_examples=100, deadline=None)
def test_what_a_host_says_of_its_disk_is_understood_or_an_answer_that_is_none(
    lies: list[tuple[str, bytes]],
) -> None:
    records = [Record(name, text.encode()) for name, text in LEFT]
    liar: Any = Liar(Answer([*records, *(Record(name, data) for name, data in lies)]))
    facts = survey_of_truth()
    order = tidy.Order("run", "", None)
    for ask in (
        lambda: tidy.take(liar, facts),
        lambda: tidy.carry_out(liar, facts, Spare(), "r1", order),
        lambda: room.ask(liar, facts),
    ):
        with suppress(ProgramFailed):
            ask()


def test_the_depth_of_these_lies_would_exhaust_python() -> None:
    with pytest.raises(RecursionError):
        json.loads("[" * 200_000)
    assert len(DEEP) > 2 * sys.getrecursionlimit()
