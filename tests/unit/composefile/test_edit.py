"""Setting an image: which bytes change, and which never do."""

import time

import pytest
import yaml

from deployctl.composefile import UnreadableCompose, set_image, set_images
from deployctl.errors import ExitCode, UsageError

NEW = "reg.example:5000/team/api:d73cfb1"


def edited(text: str, service: str = "api", image: str = NEW) -> str:
    return set_image(text.encode(), service, image).decode()


class TestAnImageInTheServiceItself:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("image: old:1", f"image: {NEW}"),
            ("image:   old:1   # why", f"image:   {NEW}   # why"),
            ("image: old:1\t# why", f"image: {NEW}\t# why"),
            ("image: 'old:1'", f"image: '{NEW}'"),
            ('image: "old:1" # "quoted"', f'image: "{NEW}" # "quoted"'),
            ("image: ${REG}/api:${TAG:-latest}", f"image: {NEW}"),
            ('image: "${REG:?no registry}/api"', f'image: "{NEW}"'),
            ('"image": old:1', f'"image": {NEW}'),
            ("? image\n    : old:1", f"? image\n    : {NEW}"),
            ("image:\n      old:1", f"image:\n      {NEW}"),
            ("image: !!str old:1", f"image: !!str {NEW}"),
            ("image: &unused old:1", f"image: &unused {NEW}"),
            ("image: >-\n      old:1", f"image: {NEW}"),
            ("image: |- # why\n      old:1\n", f"image: {NEW} # why\n"),
            ("image: !reset null # gone", f"image: {NEW} # gone"),
            ("image: !override old:1", f"image: {NEW}"),
            ("image:", f"image: {NEW}"),
            ("image:   # none", f"image: {NEW}   # none"),
            ("image: ~", f"image: {NEW}"),
            ("image: ''", f"image: '{NEW}'"),
        ],
    )
    def test_is_replaced_and_nothing_else(self, before: str, after: str) -> None:
        frame = "# top\nservices:\n  db: {{image: pg}}\n  api:\n    {}\n    ports: ['80:80']\n# end"
        assert edited(frame.format(before)) == frame.format(after)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("{image: old:1, build: .}", f"{{image: {NEW}, build: .}}"),
            ("{image: , build: .}", f"{{image: {NEW}, build: .}}"),
            ("{image, build: .}", f"{{image: {NEW}, build: .}}"),
            ("{build: ., image: 'old'}", f"{{build: ., image: '{NEW}'}}"),
            ("{build: .}", f"{{image: {NEW}, build: .}}"),
            ("{}", f"{{image: {NEW}}}"),
        ],
    )
    def test_in_flow_style(self, before: str, after: str) -> None:
        assert edited(f"services:\n  api: {before} # c\n") == f"services:\n  api: {after} # c\n"

    def test_keeps_a_json_file_json(self) -> None:
        before = '{"services":{"api":{"build":"."},"db":null}}'
        after = edited(edited(before), "db", "pg:1")
        api = f'{{"image": "{NEW}", "build":"."}}'
        assert after == f'{{"services":{{"api":{api},"db":{{"image": "pg:1"}}}}}}'

    @pytest.mark.parametrize("break_", ["\r\n", "\n", "\r"])
    def test_keeps_the_breaks_and_a_missing_last_one(self, break_: str) -> None:
        text = "# é 😀\nservices:\n  api:\n    image: old\n    x-y: z".replace("\n", break_)
        assert edited(text) == text.replace("old", NEW)

    def test_keeps_a_byte_order_mark_and_characters_beyond_the_bmp(self) -> None:
        text = "\ufeff# 😀\nservices:\n  '😀': {image: '😀'}\n  api: {image: old}\n"
        assert edited(text) == text.replace("old", NEW)

    def test_counts_positions_as_yaml_does_after_unusual_line_separators(self) -> None:
        text = "x-note: 'a\u2028 b\x85 c'\nservices:\n  api:\n    image: old\n"
        assert edited(text) == text.replace("old", NEW)

    def test_gives_the_same_bytes_when_it_is_there_already(self) -> None:
        text = f"services: {{api: {{image: '{NEW}'}}}}"
        assert edited(text) == text


class TestAnImageFromElsewhere:
    def test_an_alias_is_replaced_and_its_anchor_kept(self) -> None:
        text = "x-i: &i old\nservices:\n  api:\n    image: *i # c\n  w:\n    image: *i\n"
        assert edited(text) == text.replace("*i # c", f"{NEW} # c")

    def test_a_scalar_that_others_repeat_stays_beside_the_new_one(self) -> None:
        text = "services:\n  api:\n    image: &i old\n  w:\n    image: *i\n"
        after = edited(text)
        assert after == text.replace("image: &i", f"image: {NEW}\n    x-image: &i")
        assert edited(after, image="other:1") == after.replace(NEW, "other:1")

    def test_a_merge_is_overridden_after_it(self) -> None:
        text = (
            "x-b: &b {image: old}\nservices:\n  api:\n    <<: *b # base\n    # c\n    tty: true\n"
        )
        assert edited(text) == text.replace("*b # base", f"*b # base\n    image: {NEW}")

    def test_a_merge_in_flow_style(self) -> None:
        text = "x-b: &b {image: old}\nservices:\n  api: {<<: [*b], tty: true}\n"
        assert edited(text) == text.replace("[*b],", f"[*b], image: {NEW},")

    def test_a_service_that_is_an_alias_becomes_a_merge_of_it(self) -> None:
        text = "x-b: &b {image: old}\nservices:\n  api: *b # c\n  w: *b\n"
        assert edited(text) == text.replace("api: *b", f"api: {{<<: *b, image: {NEW}}}")

    def test_a_service_with_only_build_gets_an_image_below_its_name(self) -> None:
        text = "services:\r\n  api: # the api\r\n    # built here\r\n    build: .\r\n"
        assert edited(text) == text.replace("# the api\r\n", f"# the api\r\n    image: {NEW}\r\n")

    def test_a_service_that_extends_another_gets_its_own(self) -> None:
        text = "services:\n  api:\n    extends: {file: base.yml, service: api}\n"
        assert edited(text) == text.replace("api:\n", f"api:\n    image: {NEW}\n", 1)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("api:", f"api:\n    image: {NEW}"),
            ("api: # c", f"api: # c\n    image: {NEW}"),
            ("api: null # c", f"api: {{image: {NEW}}} # c"),
        ],
    )
    def test_an_empty_service_gets_one(self, before: str, after: str) -> None:
        frame = "services:\n  {}\n  db: {{image: pg}}\n"
        assert edited(frame.format(before)) == frame.format(after)

    def test_services_that_inherit_from_it_keep_what_they_had(self) -> None:
        text = (
            "services:\n  api: &api\n    image: ${R}/old\n    tty: true\n"
            "  worker:\n    <<: *api\n    command: work\n"
            "  beat:\n    extends: worker\n"
            "  cron:\n    extends: {service: api}\n"
        )
        loaded = yaml.safe_load(edited(text))["services"]
        assert loaded["api"]["image"] == NEW
        assert loaded["worker"] == {"image": "${R}/old", "tty": True, "command": "work"}
        assert loaded["beat"] == {"extends": "worker"}
        assert loaded["cron"] == {"image": "${R}/old", "extends": {"service": "api"}}

    def test_several_services_are_set_at_once(self) -> None:
        text = "services:\n  api: &a\n    build: .\n  w:\n    <<: *a\n    command: work\n"
        after = set_images(text.encode(), {"api": NEW, "w": NEW})
        loaded = yaml.safe_load(after)["services"]
        assert {name: service["image"] for name, service in loaded.items()} == {
            "api": NEW,
            "w": NEW,
        }


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "empty"),
            ("services: {db: {image: x}}", "no service `api`"),
            ("services: [api]", "not a mapping"),
            ("services: {api: nonsense}", "not a mapping"),
            ("services: {api: {image: [x]}}", "not a text"),
            ("services: {api: {image: {x: y}}}", "not a text"),
            ("services: {api: !reset null}", "not a mapping"),
            ("services: {api: {image: a, image: b}}", "second time"),
            ("services: {api: {image: a}}\nservices: {}\n", "second time"),
            ("services: {api: {image: *nowhere}}", "&nowhere"),
            ("services: &s {api: {image: *s}}", "inside what it repeats"),
            ("services: {api: {image: a}}\n---\nservices: {}\n", "second YAML document"),
            ("services:\n  api:\n    image: 'a\n", "cut off"),
            ("x-s: &s {api: {image: a}}\nservices: *s\n", "repeated by an alias"),
            ("services: {api: &a {build: .}, w: {<<: *a, tty: true}}", "inherit the new image"),
        ],
    )
    def test_with_the_reason(self, text: str, reason: str) -> None:
        with pytest.raises(UnreadableCompose) as caught:
            edited(text)
        assert reason in str(caught.value)
        assert caught.value.code is ExitCode.REFUSED
        assert all(fault.line >= 1 and fault.column >= 1 for fault in caught.value.faults)

    @pytest.mark.parametrize(
        ("service", "mend"), [("apo", "Did you mean api?"), ("xyz", "Name one of the file's")]
    )
    def test_a_service_that_is_misspelt_is_no_fault_of_the_file(
        self, service: str, mend: str
    ) -> None:
        with pytest.raises(UnreadableCompose) as caught:
            set_images(b"services: {api: {image: a}}\n", {service: NEW})
        assert mend in caught.value.next_step
        assert "repair" not in caught.value.next_step

    @pytest.mark.parametrize(
        "image",
        [
            *("", "a b", "a\nb", "$TAG", "${TAG}", "a:", "#x", "a'b", "-x", "X:1", "team/Api"),
            *("a//b", "a:-x", f"a:{'t' * 129}", "a@sha256:12", "a:b:c", f"{'a' * 256}:b", "a/"),
        ],
    )
    def test_what_is_no_image_reference(self, image: str) -> None:
        with pytest.raises(UsageError):
            edited("services: {api: {image: a}}", image=image)

    @pytest.mark.parametrize(
        "image",
        [
            "Registry.example:5000/team/api_v1:V1.0",
            "X/b",
            f"a:{'t' * 128}",
            f"a@sha256:{'0' * 64}",
            f"a:b@sha256:{'0' * 64}",
            f"sha256:{'0' * 64}",
        ],
    )
    def test_what_is_one(self, image: str) -> None:
        after = edited("services: {api: {image: a}}", image=image)
        assert yaml.safe_load(after)["services"]["api"]["image"] == image

    @pytest.mark.parametrize(
        "image", ["yes", "null", "123", "1e3", "0x1f", "[::1]:5000/a:b", "1:30"]
    )
    def test_but_a_reference_that_yaml_would_misread_is_quoted(self, image: str) -> None:
        after = edited("services:\n  api:\n    image: a\n", image=image)
        assert yaml.safe_load(after)["services"]["api"]["image"] == image


def test_five_thousand_lines_take_less_than_a_second() -> None:
    service = "    image: a:1\n    environment:\n      A: '1'\n    ports: ['80:80']\n"
    data = ("services:\n" + "".join(f"  s{i}:\n{service}" for i in range(1000))).encode()
    started = time.process_time()
    set_image(data, "s999", NEW)
    assert time.process_time() - started < 1
