"""Playbooks: the flow as data. What would be unsafe is refused when it is loaded."""

import hashlib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deployctl.config.faults import InvalidFileError
from deployctl.config.settings import RolloutSettings
from deployctl.data import data_path
from deployctl.errors import ConfigError
from deployctl.rollout.playbook import Playbook, builtin, load_playbook
from deployctl.rollout.playbook_schema import playbook_schema
from deployctl.rollout.safety import STAGES_OF, Kind
from deployctl.rollout.steps import BuildParams, GateParams, HttpStep, RunStep, ShipParams

MIGRATE = {
    "run": {"name": "migrate", "command": ["alembic", "upgrade", "head"], "rollback": "unsafe"}
}
NOTIFY = {"http": {"name": "notify", "method": "POST", "url": "https://chat.example.com/x"}}
CHECK = {"http": {"name": "check", "url": "https://status.example.com/x"}}


def stages(kind: Kind = "hotfix") -> list[Any]:
    return list(STAGES_OF[kind])


def insert(item: Any, before: str) -> list[Any]:
    order = stages()
    order.insert(order.index(before), item)
    return order


def move(name: str, before: str) -> list[Any]:
    order = [stage for stage in stages() if stage != name]
    order.insert(order.index(before), name)
    return order


class Books:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "own.yml"

    def load(self, items: list[Any], kind: Kind = "hotfix") -> Playbook:
        head = {"version": 1, "name": "own", "kind": kind, "stages": items}
        self.path.write_text(yaml.safe_dump(head, sort_keys=False))
        return load_playbook(self.path)

    def faults(self, items: list[Any], kind: Kind = "hotfix") -> list[str]:
        with pytest.raises(InvalidFileError) as error:
            self.load(items, kind)
        return [fault.message for fault in error.value.faults]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


class TestTheOnesThatDeployctlBrings:
    @pytest.mark.parametrize("kind", ["hotfix", "rollback"])
    def test_they_are_the_flow(self, kind: Kind) -> None:
        playbook = builtin(kind)
        assert (playbook.name, playbook.kind) == (kind, kind)
        assert [stage.name for stage in playbook.stages] == stages(kind)
        assert {stage.kind for stage in playbook.stages} == {"builtin"}

    def test_a_hotfix_has_all_steps_and_a_rollback_neither_ships_nor_builds(self) -> None:
        assert " ".join(stages()) == (
            "preflight capture approve ship build backup arm swap gate confirm seal"
        )
        assert " ".join(stages("rollback")) == (
            "preflight capture approve backup arm swap gate confirm seal"
        )

    def test_the_digest_is_that_of_the_files_bytes(self) -> None:
        data = data_path("playbooks", "hotfix.yml").read_bytes()
        assert builtin("hotfix").digest == f"sha256:{hashlib.sha256(data).hexdigest()}"

    def test_the_steps_shown_in_its_comments_load(self, books: Books) -> None:
        text = data_path("playbooks", "hotfix.yml").read_text()
        shown = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
        run, http = yaml.safe_load("\n".join(shown))
        playbook = books.load([*insert(run, "swap")[:-1], http, "seal"])
        assert [s.name for s in playbook.stages if s.kind != "builtin"] == ["migrate", "notify"]


class TestItems:
    def test_stages_take_typed_parameters(self, books: Books) -> None:
        items = stages()
        items[items.index("gate")] = {"gate": {"min_healthy": 0, "deadline": "1m"}}
        items[items.index("build")] = {"build": {"timeout": "30m"}}
        items[items.index("seal")] = {"seal": None}
        playbook = books.load(items)
        assert playbook.params(GateParams) == GateParams(min_healthy=0, deadline=60)
        assert playbook.params(BuildParams).timeout == 1800
        assert playbook.params(ShipParams).timeout is None

    def test_what_a_playbook_says_goes_before_the_settings(self, books: Books) -> None:
        items = stages()
        items[items.index("gate")] = {"gate": {"min_healthy": "0s"}}
        timing = books.load(items).timing(RolloutSettings(deadline=60, build_timeout=5))
        assert (timing.min_healthy, timing.deadline, timing.build_timeout) == (0, 60, 5)

    def test_a_playbook_that_contradicts_the_settings_is_refused(self, books: Books) -> None:
        items = stages()
        items[items.index("gate")] = {"gate": {"min_healthy": "90s"}}
        with pytest.raises(ConfigError, match="no time"):
            books.load(items).timing(RolloutSettings(deadline=60))

    def test_a_command_of_the_users_own(self, books: Books) -> None:
        step = {**MIGRATE["run"], "where": "client", "timeout": "1m", "env": ["DATABASE_URL"]}
        [stage] = [s for s in books.load(insert({"run": step}, "swap")).stages if s.kind == "run"]
        assert stage.name == "migrate"
        assert isinstance(stage.params, RunStep)
        assert stage.params.command == ("alembic", "upgrade", "head")
        assert stage.params.undo is None

    def test_the_command_that_undoes_a_step(self, books: Books) -> None:
        step = {**MIGRATE["run"], "rollback": "alembic downgrade -1"}
        stage = books.load(insert({"run": step}, "swap")).stages[7]
        assert isinstance(stage.params, RunStep)
        assert stage.params.undo == "alembic downgrade -1"

    def test_a_request_of_the_users_own(self, books: Books) -> None:
        step = {**NOTIFY["http"], "body": {"text": "live"}, "expect": 204, "advisory": True}
        stage = books.load(insert({"http": step}, "seal")).stages[-2]
        assert isinstance(stage.params, HttpStep)
        assert stage.params.body == {"text": "live"}
        assert [stage.params.accepts(status) for status in (200, 204)] == [False, True]

    def test_any_status_of_the_two_hundreds_is_success_by_default(self) -> None:
        step = HttpStep(name="x", url="https://example.com/")
        assert [step.accepts(status) for status in (199, 200, 299, 302)] == [
            False,
            True,
            True,
            False,
        ]

    def test_a_reading_request_may_come_before_approval(self, books: Books) -> None:
        assert books.load([CHECK, *stages()]).stages[0].name == "check"


class TestRefusals:
    @pytest.mark.parametrize(
        ("items", "said"),
        [
            ([*stages(), "launch"], "unknown stage; expected one of"),
            (insert("aprove", "ship"), "unknown stage; did you mean approve?"),
            (insert("build", "backup"), "the stage build stands here twice; expected it once"),
            (move("swap", "backup"), "backup must stand before swap: what runs must be kept"),
            (move("swap", "arm"), "arm must stand before swap: the host must be able to roll back"),
            (move("gate", "swap"), "swap must stand before gate"),
            (
                move("confirm", "gate"),
                "gate must stand before confirm: a release must prove itself",
            ),
            (move("seal", "confirm"), "seal must be the last"),
            (move("ship", "approve"), "approve must stand before ship: nothing may change"),
            (move("capture", "preflight"), "preflight must stand before capture"),
            ([*stages(), NOTIFY], "seal must be the last: what follows it would be missing"),
            (insert(MIGRATE, "approve"), "the step migrate must stand after approve"),
            (insert(NOTIFY, "approve"), "the step notify must stand after approve"),
            (insert({"run": {"name": "x", "command": "x"}}, "swap"), "doesn't say what a rollback"),
            (
                insert({"run": {"name": "x", "command": "x"}}, "confirm"),
                "doesn't say what a rollback",
            ),
            (
                insert({"http": {**NOTIFY["http"], "when": "always"}}, "confirm"),
                "the step notify is for the end of a run (`when: always`)",
            ),
            (
                insert({"run": {**MIGRATE["run"], "when": "failure"}}, "swap"),
                "the step migrate is for the end of a run (`when: failure`)",
            ),
            (insert(MIGRATE, "backup"), "the step migrate stands before arm"),
        ],
    )
    def test_an_unsafe_order_is_refused_with_the_reason(
        self, books: Books, items: list[Any], said: str
    ) -> None:
        assert any(said in fault for fault in books.faults(items))

    def test_a_step_after_the_confirmation_needs_no_rollback(self, books: Books) -> None:
        """The release stays, so there is none."""
        playbook = books.load(insert({"run": {"name": "warm", "command": "true"}}, "seal"))
        assert playbook.stages[-2].name == "warm"

    def test_a_body_may_only_ask_for_what_is_known(self, books: Books) -> None:
        body = {"text": "$DEPLOYCTL_RELEASE ${DEPLOYCTL_WHATEVER}"}
        [fault] = books.faults(insert({"http": {**NOTIFY["http"], "body": body}}, "seal"))
        assert "DEPLOYCTL_RESULT" in fault

    @pytest.mark.parametrize("name", stages())
    def test_no_stage_of_a_hotfix_may_be_left_out(self, books: Books, name: str) -> None:
        [fault] = books.faults([stage for stage in stages() if stage != name])
        assert fault.startswith(f"the stage {name} is missing: ")

    @pytest.mark.parametrize("name", ["ship", "build"])
    def test_a_rollback_neither_ships_nor_builds(self, books: Books, name: str) -> None:
        items = stages("rollback")
        items.insert(items.index("backup"), name)
        [fault] = books.faults(items, "rollback")
        assert fault.startswith(f"a rollback has no stage {name}")

    @pytest.mark.parametrize(
        ("item", "said"),
        [
            ({"gate": {"deadline": "soon"}}, "expected a duration"),
            ({"gate": {"min_healthy": "2m", "deadline": "1m"}}, "expected a deadline longer"),
            ({"build": {"timout": "1m"}}, "did you mean timeout?"),
            ({"approve": {"by": "me"}}, "unknown key"),
            ({"run": {"command": "x"}}, "missing"),
            ({"run": None}, "missing"),
            ({"run": {"name": "x", "command": []}}, "expected a command"),
            ({"run": {"name": "x", "command": ["a", 1]}}, "put numbers in quotes"),
            ({"run": {"name": "swap", "command": "x"}}, "a step can't be named swap"),
            ({"run": {"name": "-x", "command": "x"}}, "expected a step's name"),
            (
                {"run": {"name": "x", "command": "x", "where": "moon"}},
                "expected 'host' or 'client'",
            ),
            ({"http": {"name": "x"}}, "expected exactly one of url and url_env"),
            ({"http": {"name": "x", "url": "ftp://x"}}, "http"),
            ({"http": {"name": "x", "url": "http://x", "expect": 99}}, "greater than or equal"),
            ({"gate": {}, "seal": {}}, "expected a stage's name, or one of"),
            ([], "expected a stage's name, or one of"),
            (7, "expected a stage's name, or one of"),
            ({"gate": "10s"}, "expected gate's parameters, a mapping"),
        ],
    )
    def test_an_item_that_is_none_is_refused(self, books: Books, item: Any, said: str) -> None:
        name = next(iter(item)) if isinstance(item, dict) else None
        items = [stage for stage in stages() if stage != name]
        items.insert(min(7, len(items) - 1), item)
        assert any(said in fault for fault in books.faults(items))

    def test_every_fault_has_its_line(self, tmp_path: Path) -> None:
        path = tmp_path / "own.yml"
        text = data_path("playbooks", "hotfix.yml").read_text()
        path.write_text(text.replace("  - arm ", "  - amr ").replace("version: 1", "version: 3"))
        line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith("  - arm "))
        with pytest.raises(InvalidFileError) as error:
            load_playbook(path)
        assert "own.yml:3:10: version: expected 1, found 3" in error.value.what
        assert f"own.yml:{line}:5: stages[6]: unknown stage; did you mean arm?" in error.value.what

    def test_a_playbook_of_the_other_kind_is_refused(self) -> None:
        path = data_path("playbooks", "rollback.yml")
        with pytest.raises(ConfigError, match="is a playbook for `deployctl rollback`, not for"):
            load_playbook(path, "hotfix")

    @pytest.mark.parametrize("text", ["", "- swap\n", "a: [\n", "stages: swap\n", "version: 1\n"])
    def test_a_file_that_is_no_playbook_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "own.yml"
        path.write_text(text)
        with pytest.raises(ConfigError):
            load_playbook(path)


class TestSchema:
    validator = jsonschema.Draft202012Validator(playbook_schema())

    def test_it_is_a_json_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(playbook_schema())

    @pytest.mark.parametrize("kind", ["hotfix", "rollback"])
    def test_it_accepts_the_playbooks(self, kind: str) -> None:
        self.validator.validate(yaml.safe_load(data_path("playbooks", f"{kind}.yml").read_text()))

    @pytest.mark.parametrize("item", ["launch", {"run": None}, {"gate": {"deadlin": 1}}, {}])
    def test_it_refuses_items_that_loading_refuses(self, item: Any) -> None:
        head = {"version": 1, "name": "own", "kind": "hotfix", "stages": [item]}
        assert not self.validator.is_valid(head)

    def test_it_accepts_steps(self) -> None:
        head = {"version": 1, "name": "own", "kind": "hotfix", "stages": [MIGRATE, NOTIFY]}
        self.validator.validate(head)


class TestWhatAStepNeedsOfTheEnvironment:
    def test_a_command_needs_what_it_passes_on_even_if_empty(self) -> None:
        step = RunStep(name="migrate", command="x", env=("DATABASE_URL", "MODE"))
        assert step.unset({"MODE": ""}) == ("DATABASE_URL",)

    def test_a_request_needs_its_address_and_its_token(self) -> None:
        step = HttpStep(name="notify", url_env="WEBHOOK", bearer_env="TOKEN")
        assert step.unset({"TOKEN": ""}) == ("WEBHOOK", "TOKEN")
        assert step.unset({"TOKEN": "t", "WEBHOOK": "https://x.example"}) == ()


EXAMPLES = Path(__file__).parents[3] / "examples" / "playbooks"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_examples_load_and_fit_the_schema(path: Path) -> None:
    assert load_playbook(path, "hotfix").name == path.stem
    jsonschema.validate(yaml.safe_load(path.read_text()), playbook_schema())
