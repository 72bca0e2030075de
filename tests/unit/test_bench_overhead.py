"""What of a run counts as deployctl's own overhead, and the calls of docker that tell."""

from typing import Any

import pytest

from bench.bed import BenchError, DockerCall, docker_calls
from bench.memory import high_water_mb
from bench.overhead import END, START, is_build, is_up, split

BUILD = DockerCall(101.0, 102.5, "buildx build --load -t techno-os-api:abc1234 /tmp/tree")
UP = DockerCall(103.0, 104.0, "compose --ansi never -p techno-os up -d --no-build api")
RENDER = DockerCall(100.2, 100.4, "compose --ansi never -p techno-os config --images")
DRY_RUN = DockerCall(100.2, 100.9, "compose -p techno-os --dry-run up -d --no-build api")


def result() -> dict[str, Any]:
    stages = {"preflight": 500, "build": 1600, "swap": 1200, "gate": 2000, "seal": 10}
    return {
        "startedAt": "1970-01-01T00:01:40.300000Z",
        "durationMs": 5400,
        "stages": [{"name": name, "durationMs": ms} for name, ms in stages.items()],
    }


class TestSplit:
    def test_overhead_is_the_wall_without_build_up_and_gate(self) -> None:
        found = split(result(), [RENDER, DRY_RUN, BUILD, UP], began=100.0, ended=106.0)
        assert found.total == pytest.approx(6000 - 1500 - 1000 - 2000)

    def test_every_stage_shows_its_own_part(self) -> None:
        found = split(result(), [BUILD, UP], began=100.0, ended=106.0).own
        assert found["preflight"] == 500
        assert found["build"] == pytest.approx(100)
        assert found["swap"] == pytest.approx(200)
        assert "gate" not in found

    def test_starting_python_counts_and_so_does_ending_it(self) -> None:
        found = split(result(), [BUILD, UP], began=100.0, ended=106.0).own
        assert found[START] == pytest.approx(300)
        assert found[END] == pytest.approx(6000 - 300 - 5310)

    @pytest.mark.parametrize("calls", [[UP], [BUILD], [BUILD, BUILD, UP], []])
    def test_a_run_that_did_not_build_and_swap_once_is_no_measurement(
        self, calls: list[DockerCall]
    ) -> None:
        with pytest.raises(BenchError, match="one was expected"):
            split(result(), calls, began=100.0, ended=106.0)


class TestDockerCalls:
    def test_a_build_is_told_by_its_first_words(self) -> None:
        assert is_build(BUILD.words)
        assert is_build("build -t image .")
        assert not is_build("image inspect build")

    def test_a_dry_run_is_no_swap(self) -> None:
        assert is_up(UP.words)
        assert not is_up(DRY_RUN.words)
        assert not is_up(RENDER.words)

    def test_lines_of_the_log_keep_their_words(self) -> None:
        found = docker_calls("1.5 2.0 ps -a --filter x\n2.0 2.25 \n")
        assert found == [DockerCall(1.5, 2.0, "ps -a --filter x"), DockerCall(2.0, 2.25, "")]
        assert [call.seconds for call in found] == [0.5, 0.25]


class TestHighWater:
    def test_is_read_in_megabytes(self) -> None:
        assert high_water_mb("Name:\tx\nVmPeak:\t 9999 kB\nVmHWM:\t   51200 kB\n") == 50

    def test_a_process_that_is_ending_has_none(self) -> None:
        assert high_water_mb("Name:\tx\nState:\tZ (zombie)\n") == 0
