"""What may take the place of a broken file, and why not."""

from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest

from deployctl.composefile.reconstruct import (
    Candidate,
    Known,
    Running,
    candidates,
    compared,
    mend,
    told_diff,
    unexplained,
)
from tests.corruptions import STACKS, corruptions, lost_lines, lost_ranges

WHOLE = b"""\
services:
  db:
    image: pg:15
    volumes: [data:/d]

  api:
    image: api:1 # the live one
    command: ["serve", "--all"]
    restart: always

volumes:
  data:
"""
DB = Running("db", "p-db-1", "pg:15", settings={"volumes": ["data:/d"]})
API = Running(
    "api", "p-api-1", "api:1", settings={"command": ["serve", "--all"], "restart": "always"}
)
BOTH = (DB, API)
RELEASE = Known("release", "release r1", WHOLE)


def first(broken: bytes, *known: Known, running: tuple[Running, ...] = BOTH) -> Candidate:
    return candidates(broken, known, running)[0]


def without(*lines: str) -> bytes:
    kept = [line for line in WHOLE.decode().splitlines(True) if line.strip() not in lines]
    return "".join(kept).encode()


NO_IMAGES = without("image: pg:15", "image: api:1 # the live one")


def test_images_that_are_gone_come_from_the_containers() -> None:
    found = first(NO_IMAGES)
    assert found.data == WHOLE.replace(b" # the live one", b"")
    assert found.objections == ()
    assert [(line.text.strip(), line.origin) for line in found.lines if line.origin != "kept"] == [
        ("image: pg:15", "container p-db-1"),
        ("image: api:1", "container p-api-1"),
    ]


def test_two_services_of_one_image_have_it_each_from_its_own_container() -> None:
    whole = WHOLE.replace(b"pg:15", b"api:1").replace(b" # the live one", b"")
    broken = whole.replace(b"    image: api:1\n", b"")
    found = first(broken, running=(replace(DB, image="api:1"), API))
    assert found.data == whole
    assert [line.origin for line in found.lines if line.origin != "kept"] == [
        "container p-db-1", "container p-api-1",
    ]  # fmt: skip


@pytest.mark.parametrize("image", ["10.0.0.5:5000/team/api:1", "1"])
def test_an_image_that_has_to_be_written_in_quotes_is_known_to_be_the_containers(
    image: str,
) -> None:
    found = first(NO_IMAGES, running=(DB, replace(API, image=image)))
    assert f"image: '{image}'".encode() in found.data
    assert found.objections == ()
    assert "mended" not in {line.origin for line in found.lines}


def test_the_recorded_file_goes_before_everything_else() -> None:
    template = Known("template", "template own", WHOLE)
    listed = candidates(NO_IMAGES, [RELEASE, template], BOTH)
    assert [listed[0].name, listed[-1].source] == ["release r1", "containers"]
    assert listed[0].data == WHOLE
    assert {line.origin for line in listed[0].lines} == {"kept", "release r1"}


def test_a_whole_file_that_lacks_what_the_broken_one_has_is_objected_to() -> None:
    edited = NO_IMAGES.replace(b"restart: always", b"restart: always\n    mem_limit: 1g")
    assert "`mem_limit: 1g`" in first(edited, RELEASE).objections[0]


def test_a_template_gets_the_images_that_run() -> None:
    other = Known("template", "template own", WHOLE.replace(b"api:1 ", b"api:0 "))
    found = first(NO_IMAGES, other)
    assert (found.data, found.objections) == (WHOLE, ())
    assert any(
        line.origin == "template template own" or "own" in line.origin for line in found.lines
    )


def test_more_than_images_needs_somebody_who_knows_the_services() -> None:
    lost = without("image: api:1 # the live one", "restart: always")
    more = [c for c in candidates(lost, (), BOTH) if b"restart" in c.data]
    assert "a service without a container" in more[0].objections[0]
    names = Known("file", "compose.yml of abc", b"services: {db: {image: x}, api: {image: x}}")
    told = [c for c in candidates(lost, [names], BOTH) if b"restart" in c.data and not c.objections]
    assert b'restart: "always"' in told[0].data
    assert ('restart: "always"', "container p-api-1") in {
        (line.text.strip(), line.origin) for line in told[0].lines
    }


def test_a_service_that_the_inventory_has_and_the_file_has_not_is_an_objection() -> None:
    lost = without("image: api:1 # the live one", "restart: always")
    names = Known("file", "c.yml", b"services: {db: {image: x}, api: {image: x}, cron: {image: x}}")
    more = [c for c in candidates(lost, [names], BOTH) if b"restart" in c.data]
    assert "no service cron" in more[0].objections[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"built": True}, "`build:` of api is lost"),
        ({"count": 3}, "api runs several times"),
    ],
)
def test_what_no_container_shows_is_an_objection(change: dict[str, object], says: str) -> None:
    api = replace(API, **change)  # type: ignore[arg-type]
    assert says in first(NO_IMAGES, running=(DB, api)).objections[0]


def test_a_value_that_had_to_be_hidden_is_never_written() -> None:
    api = replace(API, secret=frozenset({"command"}))
    lost = without("image: api:1 # the live one", 'command: ["serve", "--all"]')
    assert all(b"command" not in c.data for c in candidates(lost, (), (DB, api)))


def test_the_environment_comes_back_by_name_or_from_a_file_that_another_service_names() -> None:
    whole = WHOLE.replace(b"[data:/d]", b"[data:/d]\n    env_file: /etc/app.env")
    api = replace(API, environment=("SECRET", "MODE"))
    lost = whole.replace(b"    image: api:1 # the live one\n", b"")
    texts = [c.data.decode() for c in candidates(lost, (), (DB, api))]
    assert any("env_file: [/etc/app.env]" in text for text in texts)
    assert any('environment: ["SECRET", "MODE"]' in text for text in texts)


def test_a_dollar_is_doubled_so_that_compose_takes_it_as_it_stands() -> None:
    api = replace(API, settings={**API.settings, "labels": {"rule": "a$1"}})
    assert any(b'labels: {"rule": "a$$1"}' in c.data for c in candidates(NO_IMAGES, (), (DB, api)))


def test_both_sides_of_a_conflict_are_candidates() -> None:
    side = "<<<<<<< HEAD\n    image: api:1\n=======\n    image: api:2\n>>>>>>> x"
    broken = WHOLE.replace(b"    image: api:1 # the live one", side.encode())
    texts = [c.data for c in candidates(broken, (), BOTH)]
    assert [b"api:1" in text for text in texts] == [True, False]


def test_a_file_of_many_faults_is_given_up_after_so_many_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bytes] = []
    proposals = mend._proposals

    def counted(data: bytes, services: Collection[str]) -> Iterator[bytes]:
        tried.append(data)
        return proposals(data, services)

    monkeypatch.setattr(mend, "_proposals", counted)
    twice = "    image: a\n    user: b\n    tty: true\n" * 6
    mend.readable(f"services:\n  api:\n{twice}".encode(), {f"s{n}" for n in range(60)})
    assert len(tried) == mend.MOST_TRIED


def test_nothing_is_made_of_nothing() -> None:
    assert candidates(b"", (), BOTH) == ()
    assert candidates(b"\0" * 50, (), BOTH) == ()


def test_the_difference_says_where_each_line_comes_from() -> None:
    found = first(NO_IMAGES)
    told = told_diff(NO_IMAGES, found.lines, "/opt/c.yml").splitlines()
    assert told[:2] == ["--- a/opt/c.yml (broken)", "+++ b/opt/c.yml (reconstructed)"]
    assert [line.split() for line in told if line.startswith("+ ")] == [
        ["+", "image:", "pg:15", "#", "container", "p-db-1"],
        ["+", "image:", "api:1", "#", "container", "p-api-1"],
    ]


def test_the_file_is_compared_with_the_containers_field_by_field() -> None:
    same = ("db: image, volumes as p-db-1 has", "api: image, command, restart as p-api-1 has")
    assert compared(WHOLE, BOTH) == same
    told = compared(WHOLE.replace(b"always", b"no").replace(b"pg:15", b"pg:16"), BOTH)
    assert told == (
        "db: volumes as p-db-1 has",
        "api: image, command as p-api-1 has",
        "db.image: the file says pg:16, p-db-1 has pg:15",
        "api.restart: the file says no, p-api-1 has always",
    ), "nothing is told as the same and as another"


@pytest.mark.parametrize(
    ("setting", "line", "same"),
    [
        ({"init": True}, b"init: true", True),
        ({"init": True}, b"init: yes", True),
        ({"init": True}, b"init: false", False),
        ({"cpus": 0.5}, b"cpus: 0.50", True),
        ({"cpus": 2.0}, b"cpus: '2'", True),
        ({"cpus": 0.5}, b"cpus: 0.25", False),
        ({"shm_size": "268435456"}, b"shm_size: 256m", True),
        ({"extra_hosts": ["a:1"]}, b"extra_hosts: {a: '1'}", True),
    ],
)
def test_what_is_written_in_another_way_is_the_same(
    setting: dict[str, object], line: bytes, same: bool
) -> None:
    whole = WHOLE.replace(b"restart: always", line)
    found = compared(whole, [replace(API, settings=setting)])
    key = next(iter(setting))
    assert found[0] == (
        f"api: image, {key} as p-api-1 has" if same else "api: image as p-api-1 has"
    )
    assert len(found) == (1 if same else 2)


# -- what a broken file can be what is left of --------------------------------------------------


@pytest.mark.parametrize("stack", STACKS)
def test_whatever_was_lost_of_a_file_it_still_fits(stack: str) -> None:
    whole = STACKS[stack]
    for name, broken in [*lost_lines(whole), *lost_ranges(whole, 60)]:
        assert unexplained(broken, whole) == (), name


@pytest.mark.parametrize("stack", STACKS)
def test_a_line_that_was_never_there_does_not_fit(stack: str) -> None:
    whole = STACKS[stack]
    for at in range(0, len(whole.splitlines()), 5):
        lines = whole.splitlines(keepends=True)
        lines[at:at] = [b"    mem_limit: 77m\n"]
        broken = b"".join(lines[: at + 3] + lines[at + 5 :])
        assert unexplained(broken, whole) == ("mem_limit: 77m",)


@pytest.mark.parametrize("stack", STACKS)
def test_no_corruption_makes_it_fail(stack: str) -> None:
    """And each is at least thirty ways of being broken."""
    whole = STACKS[stack]
    known = Known("release", "release r1", whole)
    found = list(corruptions(whole))
    assert len(found) >= 30
    for name, broken in found:
        first, *_ = candidates(broken, [known], BOTH)
        assert first.data == whole, name
