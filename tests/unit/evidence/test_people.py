"""No name of a person stands in what is sealed, and no word of ours is altered for it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deployctl.events import Approved, LogLine, Note, PlanReady, RunStarted
from deployctl.evidence import names
from deployctl.evidence.journal import Journal
from deployctl.evidence.people import PSEUDONYM, People, put_back, same_host
from deployctl.evidence.predicate import Circumstances, Client, NamedDigest
from deployctl.evidence.redact import MARK, Redactor
from deployctl.evidence.run_directory import RunDirectory, people_here
from deployctl.evidence.seal import seal
from deployctl.evidence.statement import read_seal
from deployctl.result import Release
from tests.unit.evidence.test_seal import PLAN, result

KEY = b"k" * 16
HOME = "/home/ana"
WORDS = ("root", "api", "hotfix", "sealed", "pass", "sha256", "json", "name", "shop")
"""what a login name may be as well"""


def people(*known: str) -> People:
    return People(KEY, known, HOME)


def pseudonym(name: str) -> str:
    shown: str = people().hidden({"operator": name})["operator"]
    return shown


def words_of_ours() -> dict[str, Any]:
    return {
        "result": {"result": "sealed", "command": "hotfix", "planDigest": "sha256:ab12"},
        "gates": [{"name": "shop", "service": "api", "state": "pass", "threshold": "200"}],
        "release": {"image": "api:ab12", "imageId": "sha256:ab12", "number": "r3"},
        "signer": {"keyid": "SHA256:ab/root/12", "namespace": "seal@deployctl"},
        "artefacts": [{"name": "host/api.log", "mediaType": "application/json"}],
        "plan": {"document": {"decisions": {"files": ["/home/ana/shop.yml"]}, "root": "by root"}},
    }


def told_of(one: str, two: str) -> dict[str, Any]:
    """A document that tells of two people in every place where it may."""
    return {
        "context": {
            "operator": one, "approvedBy": f"{one}, {two}", "host": f"{one}@vps:22",
            "ciSays": {"actor": one, "triggeringActor": two, "repository": f"{two}/x1"},
        },
        "client": {"host": two, "user": one, "run": f"https://h1/{two}/x1/9"},
        "approval": {"how": "signed", "by": f"{two}, {one}"},
        "approvals": [{"principal": two, "by": one, "fingerprint": "SHA256:x"}],
        "r1": {"t1": f"Z1 by {one} since 2026-01-03T00:00:00Z, Z2 {two}.", "t2": f"({two}) Z3"},
        "r2": [f"Z4: {one}\nZ5 '{two}'", f"/srv/{one}/x1", f"/srv/x1/{two}"],
    }  # fmt: skip


NAMES = st.one_of(
    st.sampled_from((*WORDS, "ana", "ana maria", "ana@example.com", "O'Brien", '"Ana" B',
                     "josé", "李雷", "a\\b", "<b>", "x_y", "ana-2", "octocat (GitHub Actions)")),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)  # fmt: skip


def usable(name: str) -> bool:
    """One that could be a name, and that no word of the test's own document is."""
    own = json.dumps([told_of("", ""), "signed"]).casefold()
    part = name.strip().casefold()
    return bool(re.search(r"[^\W_]", name)) and "," not in name and part == name.casefold() and (
        part not in own
    )  # fmt: skip


@given(NAMES, NAMES)
def test_each_name_is_one_pseudonym_wherever_it_stands(one: str, two: str) -> None:
    assume(usable(one))
    assume(usable(two))
    shown = people().hidden(told_of(one, two))
    assert shown == told_of(pseudonym(one), pseudonym(two))
    assert one == two or pseudonym(one) != pseudonym(two)


@given(NAMES, NAMES)
def test_those_who_know_who_is_who_read_what_was_told(one: str, two: str) -> None:
    assume(usable(one))
    assume(usable(two))
    of_run = people()
    assert put_back(of_run.hidden(told_of(one, two)), of_run.document()["people"]) == told_of(
        one, two
    )


@pytest.mark.parametrize("name", [*WORDS, "seal", "deployctl", "application", "ab", "r3", '"'])
def test_a_name_that_is_like_a_word_of_ours_alters_none(name: str) -> None:
    shown = people().hidden({"operator": name, **words_of_ours()})
    assert shown == {"operator": pseudonym(name), **words_of_ours()}


def test_a_sentence_of_somebody_elses_lock_names_nobody() -> None:
    told = "Another rollout is running: hotfix 89cf8e by maria since 2026-01-03T07:32:00, run r-1."
    shown = people().hidden({"reason": told})["reason"]
    assert shown == told.replace("maria", pseudonym("maria"))


def test_nor_does_one_of_signatures_that_did_not_do() -> None:
    told = (
        "Plan abc needs 3 signatures of different people; it was signed by ana (SHA256:x), "
        "bruno li (SHA256:y).\nnot counted: the key SHA256:z, which says it is carla's, is not one"
    )
    shown = people().hidden({"reason": told})["reason"]
    for name in ("ana", "bruno li", "carla"):
        assert name not in shown
        assert pseudonym(name) in shown


def test_output_of_others_tells_of_nobody_new() -> None:
    line = {"type": "logLine", "source": "build", "text": "step by step since 2026-01-01 by ana"}
    assert people().hidden(line) == line
    assert people("ana").hidden(line)["text"].endswith(f"by {pseudonym('ana')}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ana", "~"),
        ("/home/ana/.ssh/id", "~/.ssh/id"),
        ("see /home/ana/x: gone", "see ~/x: gone"),
        ("file:///home/ana/x", "file:///home/ana/x"),
        ("/home/anabel/x", "/home/anabel/x"),
        ("/srv/home/ana/x", "/srv/home/ana/x"),
    ],
)
def test_the_home_directory_is_a_tilde_at_the_start_of_a_path(text: str, shown: str) -> None:
    assert people().hidden({"detail": text}) == {"detail": shown}


def test_the_settings_have_keys_of_their_own_and_known_names_only() -> None:
    settings = {
        "host": {"user": "ana", "host": "vps"}, "build_args": {"operator": "linux", "by": "ana"},
        "signing": {"key_file": "/home/ana/.ssh/ana_ed25519"}, "deploy": {"user": "app"},
    }  # fmt: skip
    assert people("ana").hidden_in(settings) == {
        "host": {"user": pseudonym("ana"), "host": "vps"},
        "build_args": {"operator": "linux", "by": "ana"},
        "signing": {"key_file": f"~/.ssh/{pseudonym('ana')}_ed25519"},
        "deploy": {"user": "app"},
    }


def test_a_host_is_nobody_whatever_it_is_called() -> None:
    shown = people("vps").hidden({"host": "ana@vps:22", "operator": "ana", "at": "vps"})
    assert shown == {"host": f"{pseudonym('ana')}@vps:22", "operator": pseudonym("ana"),
                     "at": "vps"}  # fmt: skip
    assert people("vps").hidden({"host": "vps"}) == {"host": "vps"}
    assert people("vps").hidden({"host": "vps@vps:22"}) == {"host": f"{pseudonym('vps')}@vps:22"}


def test_a_name_with_a_comma_is_one_where_the_run_knows_it() -> None:
    told = {"operator": "Li, Bo (Jenkins)", "by": "Li, Bo (Jenkins)"}
    mine = pseudonym("Li, Bo (Jenkins)")
    assert people("Li, Bo (Jenkins)").hidden(told) == {"operator": mine, "by": mine}


def test_another_run_gives_another_pseudonym() -> None:
    one, two = people_here({"USER": "ana"}), people_here({"USER": "ana"})
    assert one.hidden({"by": "ana"}) != two.hidden({"by": "ana"})


def test_only_names_that_were_replaced_are_written_down() -> None:
    assert people("ana", "laptop").document() == {"key": KEY.hex(), "people": {}}


def test_a_host_is_the_same_by_whatever_name_its_user_is_called() -> None:
    assert same_host("ana@vps:22", "ana@vps:22")
    assert same_host("person-0123456789ab@vps:22", "ana@vps:22")
    assert not same_host("bo@vps:22", "ana@vps:22")
    assert not same_host("person-0123456789ab@other:22", "ana@vps:22")
    assert not same_host("", "ana@vps:22")


# -- a run -------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path, "lab", "r1", people=people("ana", "laptop"))


def sealed_run(directory: RunDirectory) -> dict[str, Any]:
    """What the seal says of a run by ana from her laptop, which maria's run kept waiting."""
    journal = Journal(directory)
    for event in (
        RunStarted(run_id="r1", command="hotfix", target="lab", host="vps", operator="ana"),
        Note(level="info", text="Waiting: hotfix a by maria since 2026-01-03T00:00:00, run r0."),
        PlanReady(digest="sha256:a", plan={"path": "/home/ana/shop"}, diff=""),
        Approved(by="ana", how="typed", digest="sha256:a"),
        LogLine(source="build", text="COPY --chown=ana . /home/ana/app"),
    ):
        journal(event)
    journal.close()
    directory.write_bytes("approvals/SHA256-abc.json", b'{"by":"ana"}')
    directory.write_json(
        "settings.json", directory.people.hidden_in({"key_file": "/home/ana/.ssh/id_ana"})
    )
    circumstances = Circumstances(
        client=Client(host="laptop", user="ana", system="Linux"),
        playbook=NamedDigest(name="hotfix", digest="sha256:b"),
    )
    release = Release(sha="d" * 40, image="ghcr.io/ana/api:d", image_id="sha256:" + "e" * 64)
    told = result("Held by maria, then ana.", release=release)
    reference = seal(directory, told, PLAN, {"operator": "ana"}, circumstances)
    statement = read_seal(Path(reference.path)).statement
    predicate: dict[str, Any] = statement["predicate"]
    assert statement["subject"][0]["name"] == predicate["result"]["release"]["image"]
    return predicate


def test_no_file_of_it_but_the_erasable_ones_names_anybody(directory: RunDirectory) -> None:
    predicate = sealed_run(directory)
    erasable = {each["name"] for each in predicate["erasable"]}
    assert erasable == {"people.json", "approvals/SHA256-abc.json"}
    text = json.dumps(predicate)
    for name in ("events.ndjson", "settings.json"):
        lines = (directory.path / name).read_text().splitlines()
        text += "".join(line for line in lines if '"planReady"' not in line)
    for name in ("ana", "maria", "laptop"):
        assert re.search(rf"\b{name}\b", text) is None, name
    assert set(names.read(directory.path, predicate).values()) == {"ana", "maria", "laptop"}


def test_the_plan_stands_there_letter_for_letter(directory: RunDirectory) -> None:
    sealed_run(directory)
    lines = (directory.path / "events.ndjson").read_text().splitlines()
    ready = next(json.loads(line) for line in lines if '"planReady"' in line)
    assert ready["plan"] == {"path": "/home/ana/shop"}


def test_a_name_that_turns_out_to_be_a_secret_is_nowhere(tmp_path: Path) -> None:
    """It became known as one when it was written already."""
    directory = RunDirectory(tmp_path, "lab", "r1", people=people("ana"))
    Journal(directory)(Approved(by="hunter2hunter2", how="typed", digest="sha256:a"))
    directory.redactor = Redactor({"X": "hunter2hunter2"})
    seal(directory, result(), PLAN, {"operator": "ana"})
    for path in directory.path.iterdir():
        assert "hunter2" not in path.read_text(), path
    predicate = read_seal(directory.path / "seal.json").predicate
    assert set(names.read(directory.path, predicate).values()) == {"ana", MARK}


def test_who_it_was_is_kept_before_there_is_a_seal(directory: RunDirectory) -> None:
    Journal(directory)(Approved(by="ana", how="typed", digest="sha256:a"))
    kept = json.loads((directory.path / "people.json").read_text())
    assert list(kept["people"].values()) == ["ana"]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"people": 7}', b"[" * 100_000, None])
def test_a_file_that_is_not_the_sealed_one_names_nobody(
    directory: RunDirectory, data: bytes | None
) -> None:
    predicate = sealed_run(directory)
    file = directory.path / "people.json"
    if data is None:
        file.unlink()
    else:
        file.write_bytes(data)
    assert names.read(directory.path, predicate) == {}
    shown = names.with_names(directory.path, predicate)
    assert PSEUDONYM.fullmatch(shown["context"]["operator"])


@pytest.mark.parametrize("listed", [None, 7, [7], [{"name": "people.json"}], {}])
def test_a_list_that_makes_no_sense_names_nobody(directory: RunDirectory, listed: Any) -> None:
    predicate = sealed_run(directory)
    assert names.read(directory.path, {**predicate, "erasable": listed}) == {}
