"""From a survey to a plan: identities in, decisions out."""

from dataclasses import replace

import pytest

from deployctl.config.gates import Mode
from deployctl.engines.compose.survey import Left
from deployctl.engines.releases import ServiceImage
from deployctl.gates.base import Observation
from deployctl.gates.build import build
from deployctl.gates.runner import Unobserved
from deployctl.host.facts import ContainerState
from deployctl.result import GateResult
from deployctl.rollout import decide
from deployctl.rollout.steps import RunStep
from tests.unit.engines.support import API, NEW, OLD, POSTGRES, record, survey


def gate(name: str, state: str, when: str = "before", mode: str = "required") -> GateResult:
    return GateResult.model_validate(
        {
            "name": name, "when": when, "state": state, "mode": mode, "observed": "x",
            "threshold": "y", "attempts": 1, "reason": "",
        }
    )  # fmt: skip


HELD = (gate("container", "pass"), gate("health", "pass"), gate("metrics", "fail"))


class TestWhatRuns:
    def test_the_images_of_the_services_that_have_a_container(self) -> None:
        assert decide.live_images(survey(), ("api", "worker")) == {"api": OLD}

    def test_is_recorded_as_a_release_of_its_own(self) -> None:
        found = decide.found_record(survey(), ("api",), "run-1", HELD)
        assert found is not None
        assert (found.number, found.sha, found.previous) == ("r0", None, None)
        assert found.services == {"api": ServiceImage(image="techno-os-api:v1", image_id=OLD)}
        assert found.gates == ("container", "health"), "those that held: they prove a rollback"

    def test_beside_known_releases_it_comes_after_the_live_one(self) -> None:
        known = survey(releases=(record("r0"), record("r1")), live="r1")
        found = decide.found_record(known, ("api",), "run-1", ())
        assert found is not None
        assert (found.number, found.previous) == ("r2", "r1")

    def test_what_a_run_left_unproven_says_so(self) -> None:
        """A rollback must not go to it as to a release that was good."""
        left = (Left("run-6", record("r2")), Left("run-7", record("r2")))
        found = decide.found_record(survey(left=left), ("api",), "run-8", ())
        assert found is not None
        assert found.left_by == "run-7"
        assert found.subject == "left by run run-7, not proven good"

    def test_what_was_deployed_over_it_by_hand_does_not(self) -> None:
        containers = (replace(API, image_id=NEW), POSTGRES)
        known = survey(left=(Left("run-7", record("r2")),), containers=containers)
        found = decide.found_record(known, ("api",), "run-8", ())
        assert found is not None
        assert (found.left_by, found.subject) == (None, "found by deployctl")

    def test_nothing_runs(self) -> None:
        assert decide.found_record(survey(containers=(POSTGRES,)), ("api",), "run-1", ()) is None


def test_the_images_whose_tags_must_not_move() -> None:
    assert decide.kept_images(record("r0"), None, record("r1")) == {
        "techno-os-api:r0": OLD, "techno-os-api:r1": OLD,
    }  # fmt: skip


class TestWhatTheHostsJobComparesWith:
    def test_a_running_service(self) -> None:
        [service] = decide.job_services(survey(), ("api",))
        assert service.container_ids == ("c1",)
        assert service.image_ref == "techno-os-api:v1"
        assert service.scale == 1
        assert service.held == "running"

    def test_replicas_keep_their_number(self) -> None:
        replicas = (API, replace(API, id="c9", status="exited"))
        [service] = decide.job_services(survey(containers=replicas), ("api",))
        assert service.scale == 2
        assert service.held == "running"

    def test_a_crash_looping_service_counts_as_running(self) -> None:
        looping = (replace(API, status="restarting"),)
        assert decide.job_services(survey(containers=looping), ("api",))[0].held == "running"

    def test_a_stopped_service_goes_back_to_stopped(self) -> None:
        stopped = (replace(API, status="exited"),)
        [service] = decide.job_services(survey(containers=stopped), ("api",))
        assert service.held == "stopped"
        assert decide.planned_services((service,))[0].state == "stopped"

    def test_a_service_without_a_container(self) -> None:
        [service] = decide.job_services(survey(containers=()), ("api",))
        assert (service.held, service.image_id, service.scale) == ("absent", "", 0)
        [planned] = decide.planned_services((service,))
        assert (planned.state, planned.image_id) == ("absent", None)


class TestAServiceThatIsDownAndItsImageGone:
    """Somebody removed the image under a container that doesn't run: nothing goes back to that."""

    STOPPED = replace(API, status="exited")
    GONE = frozenset({API.image_id})

    def test_counts_as_absent_with_the_containers_that_are_there(self) -> None:
        facts = survey(containers=(self.STOPPED,), images_gone=self.GONE)
        [service] = decide.job_services(facts, ("api",))
        assert (service.held, service.image_id, service.image_ref) == ("absent", "", "")
        assert service.container_ids == ("c1",)

    def test_is_no_release_that_was_found(self) -> None:
        facts = survey(containers=(self.STOPPED,), images_gone=self.GONE)
        assert decide.found_record(facts, ("api",), "run", ()) is None

    def test_is_back_where_it_was_without_a_container(self) -> None:
        facts = survey(containers=(self.STOPPED,), images_gone=self.GONE)
        assert decide.differences(facts, ("api",), ()) == ()

    def test_while_one_that_runs_needs_no_image_to_be_there(self) -> None:
        facts = survey(images_gone=self.GONE)
        assert decide.job_services(facts, ("api",))[0].held == "running"


class TestWhetherARollbackBroughtBackWhatWas:
    def test_it_did(self) -> None:
        again = replace(API, id="c7")
        assert decide.differences(survey(), ("api",), (again, POSTGRES)) == ()

    @pytest.mark.parametrize(
        ("after", "told"),
        [
            ((), "api is absent, and was running"),
            ((replace(API, status="exited"),), "api is stopped, and was running"),
            ((API, replace(API, id="c8")), "api has 2 containers, and had 1"),
            ((replace(API, image_id=NEW),), "api runs another image than before"),
        ],
    )
    def test_it_did_not(self, after: tuple[ContainerState, ...], told: str) -> None:
        assert decide.differences(survey(), ("api",), after) == (told,)

    def test_what_was_absent_must_be_gone_again(self) -> None:
        assert decide.differences(survey(containers=()), ("api",), ()) == ()
        [told] = decide.differences(survey(containers=()), ("api",), (API,))
        assert "was absent" in told


class TestWhatARollbackLeaves:
    def told(self, *containers: ContainerState, **changes: bool) -> str:
        services = decide.job_services(survey(containers=containers), ("api",))
        words = {"proven": True, "foreign_edit": False, **changes}
        return decide.as_before("r1 (d73cfb1)", services, **words)

    def test_what_ran_serves_again_if_gates_say_so(self) -> None:
        assert self.told(API).startswith("r1 (d73cfb1) serves again")
        assert self.told(API, proven=False).startswith("r1 (d73cfb1) runs again")

    def test_what_did_not_run_is_not_said_to_serve(self) -> None:
        assert "stopped as it was" in self.told(replace(API, status="exited"))
        assert "was removed" in self.told()

    def test_an_edit_of_somebody_elses_is_not_called_as_before(self) -> None:
        assert "file is as before" in self.told(API)
        told = self.told(API, foreign_edit=True)
        assert "keeps what somebody else edited" in told
        assert "file is as before" not in told


class TestGatesThatNoReleaseCanMend:
    def unusable(self, state: str, seen: Observation, mode: Mode = "required") -> list[str]:
        [container] = build({}, ("api",))
        container.mode = mode
        results = (gate("container", state),)
        found = decide.unusable_gates((container,), results, {"container": seen})
        return [result.name for result in found]

    def test_one_that_could_not_look(self) -> None:
        assert self.unusable("error", Unobserved()) == ["container"]

    def test_not_one_that_judged_an_answer(self) -> None:
        """The old release wants credentials, say: the new one may not."""
        assert self.unusable("error", Observation()) == []

    @pytest.mark.parametrize("state", ["pass", "fail", "inconclusive"])
    def test_not_one_that_only_does_not_hold(self, state: str) -> None:
        assert self.unusable(state, Unobserved()) == []

    def test_not_an_advisory_one(self) -> None:
        assert self.unusable("error", Unobserved(), "advisory") == []


def test_a_gate_that_is_advisory_for_this_run_is_planned_as_such() -> None:
    gates = build({}, ("api",), {})
    [planned] = decide.planned_gates(gates, {"container": "because"})
    assert planned.mode == "advisory"
    assert decide.planned_gates(gates, {})[0].mode == "required"


def test_the_release_before_in_the_plan() -> None:
    planned = decide.planned_release(record("r3", sha="d73cfb1" + "0" * 33))
    assert planned is not None
    assert (planned.number, planned.image, planned.image_id) == ("r3", "techno-os-api:r3", OLD)
    assert decide.planned_release(None) is None


class TestTheStoryOfARollback:
    def test_by_the_gates_that_hold_now(self) -> None:
        told = decide.rollback_story(record("r1"), HELD)
        assert "r1" in told
        assert "container, health" in told
        assert "metrics" not in told

    def test_where_none_holds_it_says_what_the_proof_is(self) -> None:
        told = decide.rollback_story(record("r1"), (gate("health", "fail"),))
        assert "no gate holds now" in told

    def test_with_the_commands_that_only_the_client_runs(self) -> None:
        steps = (
            RunStep(name="migrate", command="up", rollback="down"),
            RunStep(name="warm", command="x", rollback="safe"),
        )
        told = decide.rollback_story(record("r1"), HELD, steps)
        assert "this client runs the commands that undo migrate;" in told
        assert "warm" not in told

    def test_with_the_step_that_ends_it(self) -> None:
        steps = (RunStep(name="migrate", command="up", rollback="unsafe"),)
        assert "migrate has begun, nothing is rolled back" in decide.rollback_story(
            record("r1"), HELD, steps
        )

    def test_where_nothing_runs_the_new_container_goes(self) -> None:
        assert "removes the new container" in decide.rollback_story(None, ())
