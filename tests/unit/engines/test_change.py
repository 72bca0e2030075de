"""Which bytes of which Compose file change for a new image."""

import hashlib

import pytest

from deployctl.engines.compose.change import edits_for
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
