"""Which bytes of which Compose file change for a new image."""

import hashlib
from dataclasses import replace

import pytest

from deployctl.engines.compose.change import edits_for
from deployctl.engines.compose.survey import ComposeSource
from deployctl.errors import RefusedError

from .support import COMPOSE, source

BASE = b"services:\n  api:\n    image: api:v1 # the live one\n    ports: ['1:1']\n"
OVERRIDE = b"services:\n  api:\n    environment: {A: b}\n"


def test_only_the_image_of_the_service() -> None:
    [edit] = edits_for((source(COMPOSE),), {"api": "techno-os-api:new"})
    assert edit.before == COMPOSE
    assert edit.after == COMPOSE.replace(b"techno-os-api:v1", b"techno-os-api:new")
    assert edit.old_literal == "techno-os-api:v1"
    assert edit.after_sha256 == hashlib.sha256(edit.after).hexdigest()


def test_no_edit_where_the_file_says_so_already() -> None:
    assert edits_for((source(COMPOSE),), {"api": "techno-os-api:v1"}) == ()


def test_the_file_that_defines_the_image() -> None:
    files = (source(BASE, "/base.yml"), source(OVERRIDE, "/override.yml"))
    [edit] = edits_for(files, {"api": "api:new"})
    assert edit.path == "/base.yml"
    assert b"image: api:new # the live one\n" in edit.after


def test_the_last_file_where_several_define_it() -> None:
    files = (source(BASE, "/base.yml"), source(BASE, "/later.yml"))
    [edit] = edits_for(files, {"api": "api:new"})
    assert edit.path == "/later.yml"


def test_a_service_that_only_builds_gets_an_image() -> None:
    built = b"services:\n  api:\n    build: .\n"
    [edit] = edits_for((source(built),), {"api": "api:new"})
    assert b"image: api:new" in edit.after
    assert edit.old_literal == ""


def test_two_services_of_one_image_are_one_edit() -> None:
    both = b"services:\n  api:\n    image: a:v1\n  worker:\n    image: a:v1\n"
    [edit] = edits_for((source(both),), {"api": "a:v2", "worker": "a:v2"})
    assert edit.after == both.replace(b"a:v1", b"a:v2")


def test_a_file_that_makes_no_sense_is_refused_with_its_place() -> None:
    broken = b"services:\n  api:\n    image: a:v1\n  api:\n    image: a:v2\n"
    with pytest.raises(RefusedError, match="second time") as caught:
        edits_for((source(broken),), {"api": "a:v3"})
    assert "docker-compose.prod.yml" in caught.value.what
    assert "line 4" in caught.value.what


def test_the_diff_names_the_file_and_the_two_lines() -> None:
    [edit] = edits_for((source(COMPOSE),), {"api": "techno-os-api:new"})
    changed = [line for line in edit.diff.splitlines() if line[:2] in ("- ", "+ ")]
    assert changed == ["-    image: techno-os-api:v1", "+    image: techno-os-api:new"]
    assert edit.path in edit.diff


WORKER = b"services:\n  worker:\n    extends: {file: base.yml, service: api}\n"


def two(override: bytes, path: str = "/srv/override.yml") -> tuple[ComposeSource, ComposeSource]:
    return source(BASE, "/srv/base.yml"), source(override, path)


@pytest.mark.parametrize(
    ("override", "path"),
    [
        (WORKER, "/srv/override.yml"),
        (WORKER.replace(b"base.yml", b"./x/../base.yml"), "/srv/override.yml"),
        (WORKER.replace(b"base.yml", b"../base.yml"), "/srv/extra/override.yml"),
        (WORKER, "/elsewhere/override.yml"),
        (WORKER.replace(b"base.yml", b"'${BASE}'"), "/srv/override.yml"),
        (WORKER.replace(b"worker", b"queue") + b"  worker: {extends: queue}\n", "/srv/o.yml"),
    ],
    ids=["beside", "dots", "above", "in the project's directory", "a variable", "by another"],
)
def test_a_service_that_would_get_the_image_by_another_file_is_not_changed_unasked(
    override: bytes, path: str
) -> None:
    with pytest.raises(RefusedError, match=r"takes its image from api in /srv/base\.yml"):
        edits_for(two(override, path), {"api": "api:new"})


def test_unless_it_is_rolled_out_as_well_or_has_its_own() -> None:
    both = {"api": "api:new", "worker": "api:new"}
    assert [edit.path for edit in edits_for(two(WORKER), both)] == [
        "/srv/base.yml", "/srv/override.yml"
    ]  # fmt: skip
    own = WORKER + b"    image: worker:v1\n"
    elsewhere = WORKER.replace(b"base.yml", b"other.yml")
    for override in (own, elsewhere, WORKER.replace(b"service: api", b"service: cron")):
        [edit] = edits_for(two(override), {"api": "api:new"})
        assert edit.path == "/srv/base.yml"
    later = source(b"services: {worker: {image: 'worker:v1'}}\n", "/srv/later.yml")
    assert len(edits_for((*two(WORKER), later), {"api": "api:new"})) == 1


def test_services_that_extend_each_other_in_a_circle_end() -> None:
    circle = b"services:\n  a: {extends: {file: o.yml, service: b}}\n  b: {extends: a}\n"
    assert len(edits_for(two(circle, "/srv/o.yml"), {"api": "api:new"})) == 1


def test_a_file_that_is_empty_now_is_broken_all_the_same() -> None:
    mended = replace(source(COMPOSE), broken=b"")
    [edit] = edits_for((mended,), {"api": "techno-os-api:v1"})
    assert (edit.found, edit.after) == (b"", COMPOSE)
