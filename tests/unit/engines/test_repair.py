"""What containers say of a compose file, and which candidate takes its place. Pure."""

import json
from dataclasses import replace
from typing import Any

import pytest

from deployctl.composefile.reconstruct import Candidate, Known, Running
from deployctl.engines.compose.change import edits_for
from deployctl.engines.compose.remains import Recorded, Remains, duration, parse, running
from deployctl.engines.compose.repair import _recorded_file, broken_file, choose, proposals
from deployctl.engines.compose.survey import NO_REASON
from deployctl.engines.compose.weigh import Weighed, judged, weigh
from deployctl.errors import RefusedError
from deployctl.host.wire import Answer, Record

from .support import API, COMPOSE, FILE, source, survey

LABELS = {"com.docker.compose.service": "api"}
IMAGE: dict[str, Any] = {
    "id": "sha256:i", "cmd": ["run"], "entrypoint": None, "env": ["PATH"], "labels": {"own": "1"},
    "user": "", "workdir": "/srv", "health": None,
}  # fmt: skip
CONTAINER: dict[str, Any] = {
    **IMAGE, "id": "abc", "name": "/p-api-1", "image": "api:1", "imageId": "sha256:i",
    "hostname": "abc", "labels": {**LABELS, "own": "1"}, "host": {}, "mounts": [], "networks": {},
    "service": "api", "oneoff": "False", "published": {},
    "dependsOn": "db:service_healthy:false,cache:service_started:true",
}  # fmt: skip


def one(**changes: Any) -> Running:
    [found] = running([{**CONTAINER, **changes}], {"sha256:i": IMAGE}, "p")
    return found


def test_what_the_image_gave_is_no_setting() -> None:
    found = one(dependsOn=None)
    assert (found.service, found.container, found.image) == ("api", "p-api-1", "api:1")
    assert found.settings == {}
    assert found.environment == ()


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"name": "/shop-api"}, "container_name", "shop-api"),
        ({"cmd": ["a", "b c"]}, "command", ["a", "b c"]),
        ({"user": "1000"}, "user", "1000"),
        ({"hostname": "api"}, "hostname", "api"),
        (
            {"published": {"53/udp": [{"HostIp": "::1", "HostPort": "5353"}]}},
            "ports",
            ["[::1]:5353:53/udp"],
        ),
        (
            {"published": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
            "ports",
            ["8080:80"],
        ),
        ({"host": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}},
         "restart", "on-failure:3"),
        ({"host": {"Memory": 268435456}}, "mem_limit", "268435456"),
        ({"host": {"NetworkMode": "host"}, "networks": {"host": {}}}, "network_mode", "host"),
        ({"networks": {"p_front": {}, "other": {}}}, "networks", ["front", "other"]),
        (
            {
                "mounts": [
                    {"Type": "volume", "Name": "p_data", "Destination": "/d", "RW": True},
                    {"Type": "volume", "Name": "f" * 64, "Destination": "/x", "RW": True},
                    {"Type": "bind", "Source": "/s", "Destination": "/t", "RW": False},
                ]
            },
            "volumes",
            ["data:/d", "/s:/t:ro"],
        ),
        (
            {"health": {"Test": ["CMD", "true"], "Interval": 90000000000, "Retries": 2}},
            "healthcheck",
            {"test": ["CMD", "true"], "interval": "1m30s", "retries": 2},
        ),
    ],
)  # fmt: skip
def test_what_the_container_has_in_composes_words(
    changes: dict[str, Any], key: str, value: object
) -> None:
    assert one(**changes).settings[key] == value


def test_dependencies_stand_in_a_label() -> None:
    assert one().settings["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "cache": {"condition": "service_started", "restart": True},
    }


def test_the_default_network_is_no_setting() -> None:
    assert "networks" not in one(networks={"p_default": {}}).settings


def test_the_environment_is_known_by_name_and_hidden_values_are_not_used() -> None:
    found = one(env=["PATH", "B", "A"], cmd=["--token=[TOKEN]"])
    assert found.environment == ("A", "B")
    assert found.secret == {"command"}


def test_an_image_that_compose_built_is_known_and_one_without_a_name_is_not() -> None:
    built = {**IMAGE, "labels": LABELS}
    [found] = running([{**CONTAINER, "image": "sha256:i"}], {"sha256:i": built}, "p")
    assert (found.built, found.image) == (True, "")


@pytest.mark.parametrize("line", ['{"id": [true}', "[]", '"c1"'])
def test_a_description_that_is_none_is_refused_and_not_taken_for_nothing(line: str) -> None:
    described = f"{json.dumps(CONTAINER)}\n{line}"
    with pytest.raises(ValueError, match=r"\w"):
        parse(Answer([Record("containers", described.encode())]), "p")
    with pytest.raises(ValueError, match=r"\w"):
        parse(Answer([Record("images", line.encode())]), "p")


def test_replicas_are_counted_and_one_off_containers_are_not() -> None:
    found = running([CONTAINER, {**CONTAINER, "name": "/p-api-2"}, {**CONTAINER, "oneoff": "True"}],
                    {"sha256:i": IMAGE}, "p")  # fmt: skip
    assert [(one.container, one.count) for one in found] == [("p-api-1", 2)]


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(0, "0s"), (500000000, "500ms"), (3690000000000, "1h1m30s")]
)
def test_durations_are_written_as_compose_writes_them(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


# -- weighing and choosing ----------------------------------------------------------------------

LEFT_ALONE = " Container techno-os-api  Running\n"
RECREATED = " Container techno-os-api  Recreate\n"
DB = " Container techno-os-db  Running\n"
DB_RECREATED = " Container techno-os-db  Recreate\n"


@pytest.mark.parametrize(
    ("refused", "dry_run", "alone", "proven"),
    [
        ("", LEFT_ALONE, "", True),
        ("", RECREATED, LEFT_ALONE, True),
        ("", RECREATED, RECREATED, False),
        ("no such service: api", "", "", False),
        ("no such service: api", LEFT_ALONE, "", False),
        ("", "", "", False),
        ("", RECREATED, "", False),
        ("", RECREATED, DB, False),
        ("", DB, "", False),
    ],
)
def test_proven_is_what_compose_accepts_and_would_leave_alone(
    refused: str, dry_run: str, alone: str, proven: bool
) -> None:
    assert judged(survey(), ["api"], refused, dry_run, alone, "").proven is proven


@pytest.mark.parametrize(
    ("dry_run", "alone", "disturbed"),
    [
        (LEFT_ALONE + DB, "", ()),
        (LEFT_ALONE, "", ("techno-os-db: not spoken of",)),
        (RECREATED + DB, LEFT_ALONE + DB_RECREATED, ()),
        (RECREATED + DB, RECREATED + DB_RECREATED, ("techno-os-api: Recreate",)),
    ],
)
def test_each_container_may_have_been_made_in_its_own_way_but_must_be_spoken_of(
    dry_run: str, alone: str, disturbed: tuple[str, ...]
) -> None:
    for services in (["api", "postgres"], []):
        assert judged(survey(), services, "", dry_run, alone, "").disturbed == disturbed


@pytest.mark.parametrize("status", ["created", "restarting", "paused"])
def test_a_container_of_which_compose_says_nothing_as_it_rests_need_not_be_spoken_of(
    status: str,
) -> None:
    facts = survey(containers=(replace(API, status=status),))
    assert judged(facts, ["api"], "", "", "", "").proven


class Teller:
    """A host that answers what it is told to; a fake, as no real one would."""

    def __init__(self, **records: str) -> None:
        self.records = [Record(k.replace("_", "-"), v.encode()) for k, v in records.items()]

    def run(self, *_: object, **__: object) -> Answer:
        return Answer(self.records)


@pytest.mark.parametrize(
    ("accepted", "said", "refused"),
    [
        ("yes", "", ""),
        ("no", "line 3: bad\n", "line 3: bad"),
        ("no", " \n", NO_REASON),
        ("", "", NO_REASON),
    ],
)
def test_that_compose_accepts_a_file_is_said_and_not_told_by_silence(
    accepted: str, said: str, refused: str
) -> None:
    host: Any = Teller(
        accepted=accepted, refused=said, dry_run=LEFT_ALONE, dry_run_alone="", images=""
    )
    [found] = weigh(host, survey(), FILE, [COMPOSE], ["api"], ())
    assert found.refused == refused
    assert found.proven is (refused == "")


def candidate(name: str, *objections: str) -> Candidate:
    return Candidate("file", name, name.encode(), (), objections)


def weighed(refused: str = "", *disturbed: str) -> Weighed:
    return Weighed(refused, disturbed, "", "", ())


def test_the_first_that_is_proven_and_not_objected_to_is_chosen() -> None:
    listed = [candidate("a", "has more"), candidate("b"), candidate("c"), candidate("d")]
    seen = [weighed(), weighed("bad"), weighed(), weighed()]
    assert choose(listed, seen).name == "c"
    assert choose(listed, seen, ignore=True).name == "a", "asked for by name"


def test_containers_that_were_made_without_dependencies_prove_a_whole_file_only() -> None:
    loosely = judged(survey(), ["api"], "", RECREATED, LEFT_ALONE, "")
    assert (loosely.proven, loosely.strictly) == (True, False)
    assert choose([candidate("a")], [loosely]).name == "a"
    with pytest.raises(RefusedError, match="without their dependencies"):
        choose([replace(candidate("a"), source="containers")], [loosely])


def test_without_one_the_refusal_says_what_was_tried() -> None:
    listed = [candidate("a", "it has no service db"), candidate("b"), candidate("c")]
    seen = [weighed(), weighed("line 3: bad"), weighed("", "api: Recreate")]
    with pytest.raises(RefusedError) as caught:
        choose(listed, seen)
    for part in ("no service db", "line 3: bad", "api: Recreate"):
        assert part in caught.value.what
    assert "--from-release" in caught.value.next_step


BROKEN = COMPOSE.replace(b"    image: techno-os-api:v1\n", b"")
LEFT = Remains(
    (Running("api", "techno-os-api", "techno-os-api:v1"),),
    (Recorded("r1", FILE, b"old"), Recorded("r2", FILE, COMPOSE), Recorded("r2", "/x", b"x")),
)


def test_of_the_recorded_files_that_of_the_live_release_is_proposed() -> None:
    facts = survey(files=(source(BROKEN),), live="r2")
    listed = proposals(
        facts, facts.files[0], LEFT, [Known("template", "template t", b"a: b")], None
    )
    assert [one.name for one in listed][:2] == ["release r2", "template t"]
    assert listed[0].data == COMPOSE


def test_a_release_that_was_named_is_the_only_proposal() -> None:
    facts = survey(files=(source(BROKEN),), live="r2")
    [only] = proposals(facts, facts.files[0], LEFT, [], "r2")
    assert only.data == COMPOSE
    with pytest.raises(RefusedError, match=r"No Compose file of r7 is recorded.*r1, r2"):
        proposals(facts, facts.files[0], LEFT, [], "r7")


def test_of_several_files_the_broken_one_must_be_seen() -> None:
    first, second = source(COMPOSE, "/a.yml"), source(b"services: [", "/b.yml")
    assert broken_file(survey(files=(first, second))).path == "/b.yml"
    with pytest.raises(RefusedError, match="can't be told"):
        broken_file(survey(files=(first, source(COMPOSE, "/b.yml"))))


IMAGELESS = b"services:\n  api:\n    restart: always\n"
WEB = b"services:\n  web:\n    image: w\n"


def test_a_service_that_no_file_gives_an_image_is_its_files_fault() -> None:
    for files in ((IMAGELESS, WEB), (WEB, IMAGELESS)):
        sources = (source(files[0], "/a.yml"), source(files[1], "/b.yml"))
        assert broken_file(survey(files=sources)).data == IMAGELESS


def test_a_release_that_was_named_names_its_file() -> None:
    first, second = source(IMAGELESS, "/a.yml"), source(b"services:\n  web: {}\n", "/b.yml")
    facts = survey(files=(first, second))
    left = Remains((), (Recorded("r1", "/b.yml", WEB), Recorded("r2", "/a.yml", IMAGELESS)))
    with pytest.raises(RefusedError, match="2 of 2 have faults"):
        broken_file(facts)
    assert _recorded_file(facts, left, "r1") == second
    both = replace(left, recorded=(*left.recorded, Recorded("r1", "/a.yml", IMAGELESS)))
    assert _recorded_file(facts, both, "r1") == second, "the other is as it was recorded"


def test_an_edit_of_a_reconstruction_knows_what_lies_there() -> None:
    mended = replace(source(COMPOSE), broken=BROKEN)
    [edit] = edits_for((mended,), {"api": "techno-os-api:v2"})
    assert (edit.before, edit.found) == (COMPOSE, BROKEN)
    assert edit.found_sha256 != edit.before_sha256
    base = replace(source(b"networks: {}\n", "/n.yml"), broken=b"networks: {")
    two = edits_for((source(COMPOSE), base), {"api": "techno-os-api:v2"})
    assert [edit.path for edit in two] == [FILE, "/n.yml"]
    assert two[1].after == two[1].before
