"""What webhooks and Grafana get."""

import html
import json
import re
from typing import Any

import pytest

from deployctl.notify import messages
from deployctl.notify.story import Where
from deployctl.result import Result

from .support import WHERE, put_back, refused, result, stage


def text(found: Result) -> str:
    told: dict[str, str] = json.loads(messages.slack(found, WHERE))
    assert set(told) == {"text"}
    return told["text"]


class TestTheGenericWebhook:
    def test_gets_the_result_in_an_envelope_with_the_seals_digest(self) -> None:
        envelope = json.loads(messages.generic(result(), WHERE))
        document = envelope.pop("result")
        assert envelope == {
            "type": "deployctl.run",
            "version": 1,
            "end": "success",
            "project": "shop",
            "environment": "production",
            "sealDigest": "sha256:5ea1",
        }
        assert document == result().model_dump(mode="json", by_alias=True)

    def test_has_no_digest_where_nothing_was_sealed(self) -> None:
        assert json.loads(messages.generic(result(seal=None), WHERE))["sealDigest"] is None

    def test_is_signed_as_openssl_would(self) -> None:
        """printf 'what is sent' | openssl dgst -sha256 -hmac key"""
        assert messages.signature(b"what is sent", b"key") == (
            "sha256=0f94061c554348a9e7e76470c11004fbcdf696a071121d1f52beef72e4d3f281"
        )

    def test_can_be_told_apart_from_the_same_sent_again(self) -> None:
        assert messages.delivery_headers(result()) == {
            "X-Deployctl-Delivery": "20260103T073200Z-hotfix-1f2e3d",
            "X-Deployctl-End": "success",
        }


class TestAChat:
    def test_hears_verdict_place_release_and_outage_of_a_good_run(self) -> None:
        assert text(result()).split("\n") == [
            "*OK* `shop/production: hotfix, r2 (d73cfb1) is live (exit code 0)`",
            "Outage: 1.2 s ± 25 ms",
        ]

    def test_hears_of_no_touched_production_only_where_that_is_so(self) -> None:
        """A confirmation that was refused, or a bug behind the switch, leaves what was switched."""
        there = "r2 serves, and is not confirmed."
        swapped = [stage("swap", 20, 3000)]
        skipped = [stage("swap", 20, 0, "skipped")]
        for found, told in (
            (refused(command="confirm", production=there), "r2 serves, and is not confirmed ("),
            (refused(production=there, stages=swapped), "r2 serves, and is not confirmed ("),
            (refused(production="", stages=swapped), "what serves is not known ("),
            (refused(), "production was not touched ("),
            (
                refused(result="rollback-failed", production="r2 is live.", stages=swapped),
                "a person is needed: r2 is live (",
            ),
            (refused(stages=skipped), "production was not touched ("),
        ):
            assert told in text(found)

    def test_hears_also_why_and_what_to_do_of_another(self) -> None:
        verdict, *rest = text(put_back()).split("\n")
        assert verdict == (
            "*ROLLED BACK* `shop/production: hotfix, r2 (d73cfb1) was rolled back; r1 (aaaaaaa) "
            "serves again (exit code 21)`"
        )
        assert rest == [
            "`health: 503`",
            "Outage: 1.2 s ± 25 ms",
            "Next: `Mend the commit.`",
        ]

    def test_gets_each_command_to_copy_by_itself(self) -> None:
        found = put_back(next_step="deployctl status; deployctl logs, or ask ann; then wait")
        assert text(found).endswith(
            "Next: `deployctl status`; `deployctl logs, or ask ann; then wait`"
        )

    def test_hears_of_a_refusal_that_nothing_was_touched(self) -> None:
        first = text(refused(reason="The disk is full."))
        assert first.startswith("*REFUSED* `shop/production: hotfix, production was not touched")

    def test_hears_of_the_one_to_wake_somebody_for(self) -> None:
        assert "a person is needed" in text(put_back("rollback-failed", rollback={}))

    @pytest.mark.parametrize(
        "foreign",
        [
            "<!channel> look",
            "<https://evil.example|here>",
            "[here](https://evil.example)",
            "![](https://evil.example/pixel.png)",
            "https://evil.example",
            "www.evil.example",
            "@here",
            "@channel",
            "*bold* _italic_ ~gone~ :fire: #tag",
            "` @here `",
            "``` @here",
            "# heading",
            "line\n@here\r\n\u2028> quote",
            "a & b &amp; c",
        ],
    )
    def test_mentions_nobody_and_has_no_links_or_formatting_of_others(self, foreign: str) -> None:
        """All that others wrote is in spans of code, whose only backticks are their own ends."""
        where = Where(project=foreign, environment=foreign, services=())
        found = put_back(reason=foreign, next_step=foreign, target=foreign)
        sent = json.loads(messages.slack(found, where))["text"]
        assert "<" not in sent
        assert ">" not in sent
        lines = [re.sub("`[^`\n]+`", "CODE", line) for line in sent.splitlines()]
        assert lines == ["*ROLLED BACK* CODE", "CODE", "Outage: 1.2 s ± 25 ms", "Next: CODE"]

    def test_shows_what_others_wrote_as_it_is(self) -> None:
        """As Slack shows it, which undoes its three escapes."""
        found = put_back(reason="a < b && c > d: &lt; *.yml https://h/?x=1&y=2")
        assert html.unescape(text(found).split("\n")[1]) == f"`{found.reason}`"

    def test_shows_no_character_that_turns_the_text_around(self) -> None:
        assert text(put_back(reason="ok\u202eko\x00")).split("\n")[1] == "`ok\ufffdko\ufffd`"

    def test_has_no_line_for_what_is_empty(self) -> None:
        assert text(put_back(reason=" ", next_step="\n")).count("\n") == 1

    def test_gets_a_few_lines_whatever_the_reason(self) -> None:
        told = text(put_back(reason="line\n" * 5000))
        assert told.count("\n") == 3
        assert len(told) < 1000

    def test_gets_a_few_lines_whatever_serves(self) -> None:
        told = text(refused(production="x\n" * 5000, stages=[stage("swap", 20, 3000)]))
        assert told.count("\n") == 2
        assert len(told) < 1500


class TestAnAnnotation:
    def annotation(self, found: Result, *tags: str) -> Any:
        body = messages.grafana(found, WHERE, tags)
        return None if body is None else json.loads(body)

    def test_is_over_the_time_from_the_switch_to_the_end_of_the_confirmation(self) -> None:
        found = self.annotation(result(), "backend", "deployctl")
        assert found == {
            "time": 1767425540000,
            "timeEnd": 1767425551000,
            "tags": ["deployctl", "shop", "production", "sealed", "backend"],
            "text": "OK: shop/production: hotfix, r2 (d73cfb1) is live (exit code 0)\n"
            "Outage: 1.2 s ± 25 ms",
        }

    def test_or_to_the_end_of_the_rollback(self) -> None:
        assert self.annotation(put_back())["timeEnd"] == 1767425554000

    def test_is_short_and_holds_no_tag_of_others(self) -> None:
        where = Where(project="<img src=x>" * 500, environment="\n\u202e", services=())
        told = json.loads(messages.grafana(result(), where, []) or b"")["text"]
        assert "<" not in told
        assert "\u202e" not in told
        assert told.count("\n") == 1
        assert len(told) < 2000

    @pytest.mark.parametrize(
        "found",
        [refused(), result("unchanged", stages=[stage("swap", 20, 0, "skipped")])],
        ids=["refused", "unchanged"],
    )
    def test_there_is_none_without_a_switch(self, found: Result) -> None:
        assert self.annotation(found) is None
