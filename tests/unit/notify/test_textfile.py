"""The metrics, read by Prometheus' own parser, and as strictly as promtool reads them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from deployctl.notify.story import Where
from deployctl.notify.textfile import file_name, is_told, metrics
from deployctl.result import Release, Result, Rollback

from .support import NEW, OLD, WHERE, put_back, refused, result, stage

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]))


def samples(found: Result, where: Where = WHERE) -> dict[str, tuple[dict[str, str], float]]:
    text = metrics(found, where)
    lint(text)
    read = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert len({sample.name for sample in read}) == len(read)
    return {sample.name: (dict(sample.labels), sample.value) for sample in read}


def lint(text: str) -> None:
    """What promtool check metrics insists on: help and type before each family, once, in order;
    names of its letters, units that are base units, a newline at the end."""
    assert text.endswith("\n")
    assert "\n\n" not in text
    lines = text.rstrip("\n").split("\n")
    seen = []
    for about, kind, series in zip(*[iter(lines)] * 3, strict=True):
        name = re.fullmatch(r"# HELP ([a-z_]+) \S.*\.", about)
        assert name is not None, about
        assert kind == f"# TYPE {name[1]} gauge"
        assert series.startswith(f"{name[1]}{{")
        assert not re.search("_(ms|milliseconds|total|count|sum|bucket)$", name[1])
        seen.append(name[1])
    assert len(set(seen)) == len(seen)


def test_a_good_run() -> None:
    found = samples(result())
    place = {"project": "shop", "target": "production"}
    assert found["deployctl_last_rollout_timestamp_seconds"] == (place, 1767425560)
    assert found["deployctl_last_rollout_success"] == (place, 1)
    assert found["deployctl_last_rollout_exit_code"] == (place, 0)
    assert found["deployctl_last_rollout_duration_seconds"] == (place, 40)
    assert found["deployctl_last_rollout_rollback"] == (place, 0)
    assert found["deployctl_last_rollout_outage_seconds"] == (place, 1.2)
    assert found["deployctl_last_rollout_outage_resolution_seconds"] == (place, 0.025)
    assert found["deployctl_release_info"] == (
        {**place, "release": "r2", "sha": NEW.sha, "image": "shop/api:d73cfb1"}, 1,
    )  # fmt: skip
    assert found["deployctl_last_rollout_info"] == (
        {**place, "command": "hotfix", "result": "sealed",
         "run_id": "20260103T073200Z-hotfix-1f2e3d"}, 1,
    )  # fmt: skip


@pytest.mark.parametrize("still", [True, False])
def test_an_outage_that_was_not_over_is_marked(still: bool) -> None:
    seen = result().availability
    assert seen is not None
    found = samples(result(availability=seen.model_copy(update={"still_down": still})))
    assert found["deployctl_last_rollout_still_down"][1] == still


def test_after_a_rollback_the_release_is_the_one_before() -> None:
    found = samples(put_back())
    assert found["deployctl_release_info"][0]["release"] == OLD.number
    assert found["deployctl_last_rollout_success"][1] == 0
    assert found["deployctl_last_rollout_rollback"][1] == 1


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (result(availability=None), "deployctl_last_rollout_outage_seconds"),
        (
            result("unchanged", stages=[stage("swap", 20, 0, "skipped")]),
            "deployctl_last_rollout_outage_seconds",
        ),
        (
            put_back("rollback-failed", rollback=Rollback(performed=True, state="failed")),
            "deployctl_release_info",
        ),
    ],
)
def test_what_was_not_measured_or_is_not_known_is_not_there(found: Result, missing: str) -> None:
    assert missing not in samples(found)


def test_a_run_that_had_not_begun_overwrites_nothing() -> None:
    assert not is_told(refused())
    assert not is_told(refused(result="unreachable"))
    assert not is_told(result("untouched", stages=[], previous=None, release=None))
    assert is_told(result("untouched", stages=[]))
    assert is_told(put_back("rollback-failed", rollback=Rollback(performed=True, state="failed")))


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_label_comes_back_as_it_was(project: str, image: str, sha: str) -> None:
    release = Release(number="r1", image=image, sha=sha)
    where = Where(project=project, environment="", services=())
    text = metrics(result(release=release), where)
    read = {
        sample.name: sample.labels
        for family in text_string_to_metric_families(text.replace("\r", " "))
        for sample in family.samples
    }
    assert read["deployctl_release_info"] == {
        "project": project.replace("\r", " "),
        "target": "production",
        "release": "r1",
        "sha": sha.replace("\r", " "),
        "image": image.replace("\r", " "),
    }


def name_of(project: str, target: str | None) -> str:
    where = Where(project=project, environment="", services=())
    return file_name(result(target=target), where)


@pytest.mark.parametrize(
    ("project", "target", "name"),
    [
        ("shop", "production", "deployctl-shop-production.prom"),
        ("my_shop", "eu.production", "deployctl-my_shop-eu.production.prom"),
        ("shop-api", "production", "deployctl-shop-api-production-DIGEST.prom"),
        ("", "production", "deployctl-production-DIGEST.prom"),
        ("shop", None, "deployctl-shop-DIGEST.prom"),
        ("a/../b", "x y", "deployctl-a-..-b-x-y-DIGEST.prom"),
        ("x" * 500, "production", f"deployctl-{'x' * 128}-DIGEST.prom"),
    ],
)
def test_the_file_is_of_one_project_and_target(project: str, target: str, name: str) -> None:
    assert re.sub("-[0-9a-f]{12}[.]prom$", "-DIGEST.prom", name_of(project, target)) == name


def test_two_places_never_share_a_file() -> None:
    words = ["", "a", "b", "a-b", "b-a", "a-", "-a", "a b", "a/b", "a.b", "a_b", "ä", "\udc80"]
    words += ["x" * 200 + "a", "x" * 200 + "b"]
    places = [(project, target) for project in words for target in words]
    assert len({name_of(*place) for place in places}) == len(places)


@given(ANYTHING, ANYTHING)
def test_any_name_makes_one_of_a_file(project: str, target: str) -> None:
    assert re.fullmatch(r"deployctl-[A-Za-z0-9._-]{1,200}[.]prom", name_of(project, target))


def test_a_label_that_is_no_text_is_told_as_far_as_it_is() -> None:
    """A file with a byte that is not UTF-8 is dropped by node_exporter as a whole."""
    release = Release(number="r1", image="api:\udc80", sha="a")
    assert samples(result(release=release))["deployctl_release_info"][0]["image"] == "api:?"


def test_a_label_is_escaped_by_the_rules_of_the_format() -> None:
    release = Release(number="r1", image='a\\n"b\nc', sha="a")
    assert r""",image="a\\n\"b\nc"} 1""" in metrics(result(release=release), WHERE)
