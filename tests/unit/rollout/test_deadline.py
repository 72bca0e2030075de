"""How long the gates get."""

from deployctl.config.gates import HealthGateSettings, Mode, PrometheusGateSettings
from deployctl.config.settings import RolloutSettings
from deployctl.gates.base import Need
from deployctl.gates.build import build
from deployctl.gates.promapi import Target
from deployctl.gates.prometheus import PrometheusObservation
from deployctl.gates.runner import Unobserved
from deployctl.rollout.deadline import needs_of, too_short, with_room

SLOW = {"prometheus": Need(120, 135, "2 scrapes, one each 60 s,", notice=135)}
QUICK = {"prometheus": Need(2, 8, "2 scrapes, one each 1 s,", notice=8)}


def test_a_deadline_that_nobody_set_leaves_room_for_the_slowest_proof() -> None:
    assert with_room(RolloutSettings(min_healthy=10), SLOW).deadline == 145
    assert with_room(RolloutSettings(min_healthy=10), QUICK).deadline == 120
    assert with_room(RolloutSettings(min_healthy=10), {}).deadline == 120


def test_one_that_was_set_stays() -> None:
    assert with_room(RolloutSettings(deadline=60), SLOW).deadline == 60


def test_one_in_which_nothing_could_be_proven_is_told() -> None:
    assert too_short(RolloutSettings(min_healthy=10, deadline=125), SLOW) == (
        "the deadline of 125 s is too short for prometheus: 2 scrapes, one each 60 s, take 120 s, "
        "and all gates must then hold for 10 s"
    )
    assert too_short(RolloutSettings(min_healthy=10, deadline=130), SLOW) == ""


def test_only_required_gates_that_said_what_they_need_count() -> None:
    def needs(mode: Mode) -> dict[str, Need]:
        settings = {
            "health": HealthGateSettings(),
            "prometheus": PrometheusGateSettings(url="http://p:9090", job="api", mode=mode),
        }
        target = Target(
            pool="api", labels={}, address="", url="", health="up", last_error="",
            last_scrape=None, last_scrape_text="", interval=60, timeout=10,
        )  # fmt: skip
        seen = PrometheusObservation(targets=(target,), expected=1)
        return needs_of(build(settings, ["api"]), {"prometheus": seen, "health": Unobserved()})

    assert needs("required") == SLOW
    assert needs("advisory") == {}


def test_a_look_that_saw_nothing_tells_no_need() -> None:
    gates = build({"prometheus": PrometheusGateSettings(url="http://p:9090", job="api")}, ["api"])
    assert needs_of(gates, {"prometheus": Unobserved()}) == {}
