"""How long nobody was served, from the lines of the benchmark's own prober."""

import pytest

from bench.outage import Probe, outage, parse


def probes(text: str, step: float = 0.25) -> list[Probe]:
    """`+` was served, `-` was not; one every `step` seconds."""
    return [Probe(number * step, sign == "+") for number, sign in enumerate(text)]


class TestParse:
    @pytest.mark.parametrize(("status", "served"), [(200, True), (404, True), (500, False),
                                                    (503, False), (0, False)])  # fmt: skip
    def test_any_answer_but_a_server_error_was_served(self, status: int, served: bool) -> None:
        assert parse([f"10.5 {status}"]) == [Probe(10.5, served)]

    def test_probes_are_in_the_order_of_their_sending_not_of_their_answers(self) -> None:
        found = parse(["2.0 200", "1.0 0", "3.0 200"])
        assert [probe.at for probe in found] == [1.0, 2.0, 3.0]


class TestOutage:
    def test_lasts_from_the_first_failure_to_the_next_answer(self) -> None:
        found = outage(probes("++---++"))
        assert (found.seconds, found.count, found.failures, found.probes) == (0.75, 1, 3, 7)

    def test_outages_of_one_run_add_up(self) -> None:
        found = outage(probes("+-+--+"))
        assert (found.seconds, found.count) == (0.75, 2)

    def test_no_failure_is_no_outage(self) -> None:
        assert outage(probes("+++")).seconds == 0

    def test_the_widest_gap_says_how_exact_it_is(self) -> None:
        assert outage([Probe(0, True), Probe(1, True), Probe(1.5, True)]).widest_gap == 1

    def test_a_service_that_never_came_back_has_no_figure(self) -> None:
        with pytest.raises(ValueError, match="had not come back"):
            outage(probes("++--"))
