"""The container gate's judgement."""

import json
from typing import Any

import pytest

from deployctl.config.gates import ContainerGateSettings
from deployctl.gates.base import Judgement
from deployctl.gates.container import ContainerGate
from deployctl.host.facts import ContainerState
from tests.unit.gates.support import IMAGE, OTHER_IMAGE, container, context


def judged(*containers: ContainerState, settings: Any = None, **changes: Any) -> Judgement:
    gate = ContainerGate("container", settings or ContainerGateSettings(), "api")
    ctx = context(*containers, **{"expected_images": {"api": IMAGE}, **changes})
    return gate.judge(gate.observe(ctx))


def test_running_and_healthy_is_a_pass() -> None:
    assert judged(container()).state == "pass"


def test_what_docker_said_is_kept_as_evidence() -> None:
    gate = ContainerGate("container", ContainerGateSettings(), "api")
    [answer] = gate.observe(context(container(restart_count=2))).raw
    [said] = json.loads(answer.body)
    assert (said["image_id"], said["health"], said["restart_count"]) == (IMAGE, "healthy", 2)
    assert answer.source == f"docker inspect {container().name}"
    assert gate.observe(context()).raw == ()


def test_no_healthcheck_is_a_pass_too() -> None:
    assert judged(container(health="none")).state == "pass"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_id": OTHER_IMAGE}, "expected sha256:aaaa"),
        ({"health": "unhealthy", "health_log": ("curl: (22) 500",)}, "curl: (22) 500"),
        ({"oom_killed": True, "status": "exited", "exit_code": 137}, "out of memory"),
        ({"status": "exited", "exit_code": 3, "restart_policy": "no"}, "exit code 3"),
        ({"status": "restarting", "restart_count": 1, "exit_code": 1}, "restarted it once"),
        ({"restart_count": 4}, "restarted it 4 times"),
        ({"status": "created", "error": "port is already allocated"}, "already allocated"),
        ({"status": "dead"}, "it is dead"),
    ],
)
def test_what_waiting_cannot_heal_ends_the_hold(changes: dict[str, Any], reason: str) -> None:
    verdict = judged(container(**changes))
    assert (verdict.state, verdict.definite) == ("fail", True)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"health": "starting"}, "inconclusive"),
        ({"status": "created"}, "inconclusive"),
        ({"status": "exited", "exit_code": 1}, "fail"),
        ({"status": "paused"}, "fail"),
    ],
)
def test_what_may_still_change_is_waited_for(changes: dict[str, Any], state: str) -> None:
    verdict = judged(container(**changes))
    assert (verdict.state, verdict.definite) == (state, False)


def test_no_container_is_a_failure() -> None:
    assert judged().state == "fail"


class TestReplicas:
    def test_each_is_judged(self) -> None:
        verdict = judged(container(), container(id="c2", name="api-2", health="unhealthy"))
        assert verdict.state == "fail"
        assert "api-2: running, unhealthy" in verdict.observed

    def test_fewer_than_expected_is_a_failure(self) -> None:
        assert judged(container(), replicas={"api": 2}).state == "fail"

    def test_more_than_expected_is_a_failure(self) -> None:
        verdict = judged(container(), container(id="c2"), replicas={"api": 1})
        assert verdict.state == "fail"

    def test_a_service_that_had_none_may_have_as_many_as_its_file_says(self) -> None:
        assert judged(container(), container(id="c2")).state == "pass"

    def test_a_mere_look_does_not_count_them(self) -> None:
        assert judged(container(), container(id="c2"), proving=False).state == "pass"


class TestRestarts:
    def test_those_of_before_the_rollout_are_not_held_against_it(self) -> None:
        gate = ContainerGate("container", ContainerGateSettings(), "api")
        before = gate.observe(context(container(restart_count=7), proving=False))
        ctx = context(container(restart_count=7), baseline={"container": before})
        assert gate.judge(gate.observe(ctx)).state == "pass"
        again = context(container(restart_count=8), baseline={"container": before})
        assert gate.judge(gate.observe(again)).definite

    def test_some_can_be_allowed(self) -> None:
        settings = ContainerGateSettings(max_restarts=1)
        assert judged(container(restart_count=1), settings=settings).state == "pass"

    def test_a_restart_changes_the_identity(self) -> None:
        gate = ContainerGate("container", ContainerGateSettings(), "api")
        one = gate.observe(context(container()))
        two = gate.observe(context(container(restart_count=1)))
        assert one.identity != two.identity
