"""Reading: services, where an image comes from, which file to edit."""

import pytest

from deployctl.composefile import UnreadableCompose, file_to_edit, image_of, services

BASE = b"""\
x-base: &base
  image: "base:1"
x-image: &image named:1
services:
  own:
    image: '${R}/own:1' # c
  alias: {image: *image}
  merged:
    <<: *base
  same: *base
  built:
    build: .
  reset:
    image: !reset null
"""


def test_services_are_named_in_order() -> None:
    assert services(BASE) == ("own", "alias", "merged", "same", "built", "reset")
    assert services(b"networks: {}") == ()


def test_services_that_are_merged_in_count() -> None:
    assert services(b"x: &x {a: {image: i}}\nservices: {b: {image: i}, <<: *x}") == ("b", "a")


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("own", "${R}/own:1"),
        ("alias", "named:1"),
        ("merged", "base:1"),
        ("same", "base:1"),
        ("built", None),
        ("reset", None),
        ("nobody", None),
    ],
)
def test_an_image_is_found_where_it_comes_from(service: str, expected: str | None) -> None:
    assert image_of(BASE, service) == expected


def test_the_nearest_merge_wins() -> None:
    text = b"a: &a {image: a}\nb: &b {<<: *a, image: b}\nservices: {s: {<<: [*b, *a]}}"
    assert image_of(text, "s") == "b"


def test_merges_of_merges_do_not_multiply() -> None:
    lines = ["l0: &l0 {x: 1}"]
    lines += [f"l{i}: &l{i} {{<<: [*l{i - 1}, *l{i - 1}]}}" for i in range(1, 60)]
    text = "\n".join([*lines, "services: {s: {<<: *l59}}"]).encode()
    assert image_of(text, "s") is None


class TestTheFileToEdit:
    IMAGE = b"services: {api: {image: a}}"
    PORTS = b"services: {api: {ports: ['80:80']}}"
    OTHER = b"services: {db: {image: pg}}"
    EXTENDS = b"services: {api: {extends: {file: x.yml, service: y}}}"

    @pytest.mark.parametrize(
        ("files", "index"),
        [
            ([IMAGE], 0),
            ([IMAGE, PORTS], 0),
            ([IMAGE, IMAGE, OTHER], 1),
            ([PORTS, PORTS, OTHER], 1),
            ([IMAGE, EXTENDS], 1),
            ([OTHER, IMAGE], 1),
        ],
    )
    def test_is_the_last_that_gives_the_image(self, files: list[bytes], index: int) -> None:
        assert file_to_edit([(f"{i}.yml", data) for i, data in enumerate(files)], "api") == index

    def test_does_not_exist_when_nothing_defines_the_service(self) -> None:
        with pytest.raises(UnreadableCompose, match=r"No service `api`.*a\.yml, b\.yml"):
            file_to_edit([("a.yml", self.OTHER), ("b.yml", self.OTHER)], "api")

    def test_may_be_an_included_one_which_is_said(self) -> None:
        with pytest.raises(UnreadableCompose, match="include"):
            file_to_edit([("a.yml", b"include: [b.yml]\n")], "api")

    def test_a_fault_names_its_file(self) -> None:
        with pytest.raises(UnreadableCompose, match=r"b\.yml"):
            file_to_edit([("a.yml", self.IMAGE), ("b.yml", b"a: [")], "api")
