"""A plan file is what was planned, byte for byte, and the request that plans it again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from deployctl.errors import RefusedError, UsageError
from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.redact import Redactor
from deployctl.rollout import plan_file
from deployctl.rollout.plan_document import PlannedRepair
from deployctl.rollout.plan_file import decode, encode, made, read, write
from deployctl.rollout.request import Options

from .plans import DIFF, given, plan, plan_of, ready
from .test_plan_digest import COMMIT, SERVICE, decisions

ROLLBACK: dict[str, Any] = {"command": "rollback", "commit": None, "build": False}


def test_it_says_how_to_plan_it_again() -> None:
    options = Options(rebuild=True, advisory={"health": "moved"}, accept_drift="known")
    decided = decisions(advisory={"health": "moved"}, accept_drift="known")
    file = made(ready(decided), plan(decided), options, "books/own.yml", Redactor())
    assert file.request.model_dump() == {
        "command": "hotfix",
        "sha": COMMIT.sha,
        "release": None,
        "rebuild": True,
        "repair": False,
        "advisory": {"health": "moved"},
        "accept_drift": "known",
        "playbook": "books/own.yml",
    }
    assert (file.target, file.plan.digest, file.diff) == ("lab", decided.digest, DIFF)


def test_a_rollback_is_planned_to_the_release_it_found() -> None:
    assert plan_of(**ROLLBACK, release="r3").request.release == "r3"


def test_a_repair_that_is_planned_is_asked_for_again_even_if_nobody_had() -> None:
    repair = PlannedRepair(path="/c.yml", broken_sha256="1", source="the template")
    assert plan_of(repair=repair).request.repair


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = plan_of()
    assert decode(encode(file)) == file
    found = given(tmp_path)
    assert found.data == encode(found.file)
    assert found.name == found.file.plan.digest.removeprefix("sha256:")[:12]


def test_it_is_its_owners_alone_and_written_as_a_whole(tmp_path: Path) -> None:
    os.umask(0o022)
    path = given(tmp_path).path
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]


def test_another_plan_is_replaced(tmp_path: Path) -> None:
    path = given(tmp_path).path
    write(path, plan_of(image="api:other"))
    assert read(path).file.plan.decisions.image == "api:other"


@pytest.mark.parametrize("content", ["", "precious", "{}", '{"type": "deployctl.seal"}', "[]"])
def test_whatever_else_is_there_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="not a plan that may be replaced") as error:
        write(path, plan_of())
    assert "--out" in error.value.next_step
    assert path.read_text() == content


def test_a_link_to_a_plan_is_not_followed(tmp_path: Path) -> None:
    given(tmp_path)
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "plan.json")
    with pytest.raises(UsageError):
        write(link, plan_of())


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be written"):
        write(tmp_path / "missing" / "plan.json", plan_of())


def changed(**changes: Any) -> bytes:
    document = json.loads(encode(plan_of()))
    for path, value in changes.items():
        place, *inner = path.split("__")
        at = document
        for key in [place, *inner][:-1]:
            at = at[key]
        at[[place, *inner][-1]] = value
    return canonical_json(document) + b"\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no plan"),
        (b'{"type": "deployctl.seal"}', "no plan"),
        (b'{"type": "deployctl.plan"}', "no sound plan"),
        (encode(plan_of()) + b"\n", "not byte for byte"),
        (encode(plan_of()).replace(b",", b", ", 1), "not byte for byte"),
        (changed(plan__decisions__image="api:evil"), "digest is not that of its decisions"),
        (changed(request__sha="e" * 40), "request is for something else"),
        (changed(request__command="rollback"), "request is for something else"),
        (changed(request__advisory={"health": "x"}), "other exceptions"),
        (changed(request__acceptDrift="x"), "other exceptions"),
        (changed(target="other"), "request is for something else"),
        (changed(target="../x"), "target"),
        (changed(more=1), "more"),
        (changed(schemaVersion=2), "schemaVersion"),
    ],
)
def test_anything_else_is_refused_with_the_reason(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode(data)


def test_what_can_not_be_read_is_told_as_a_matter_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        read(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="can't be used as a plan") as error:
        read(tmp_path / "plan.json")
    assert "deployctl plan" in error.value.next_step


def test_no_secret_gets_into_it() -> None:
    redactor = Redactor({"TOKEN": "hunter2hunter2"})
    file = made(ready(diff="-x: hunter2hunter2"), plan(), Options(), None, redactor)
    assert b"hunter2" not in encode(file)


def test_a_plan_that_decides_by_a_secret_is_not_written() -> None:
    """Its digest could not be told from what is shown."""
    decided = decisions(accept_drift="since hunter2hunter2")
    with pytest.raises(RefusedError, match="has a secret in it"):
        made(ready(decided), plan(decided), Options(), None, Redactor({"TOKEN": "hunter2hunter2"}))


def test_the_largest_file_that_is_looked_at_has_an_end() -> None:
    with pytest.raises(ValueError, match="more than"):
        decode(b" " * (plan_file.LARGEST_BYTES + 1))


def test_services_are_kept_in_their_order(tmp_path: Path) -> None:
    worker = SERVICE.model_copy(update={"name": "worker"})
    found = given(tmp_path, services=(worker, SERVICE))
    assert [each.name for each in found.file.plan.decisions.services] == ["worker", "api"]
