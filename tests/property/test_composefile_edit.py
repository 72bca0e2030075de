"""Whatever the file looks like, setting an image changes that and nothing else."""

from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.composefile import (
    UnreadableCompose,
    check,
    diff,
    file_to_edit,
    image_of,
    services,
    set_image,
)

NEW = "reg.example:5000/team/api:d73cfb1"


class Reader(yaml.SafeLoader):
    """PyYAML's own reading of a file, as an independent judge; Compose's tags are let through."""


def _through(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


Reader.add_multi_constructor("!", _through)


def load(data: bytes) -> Any:
    return yaml.load(data, Loader=Reader)  # noqa: S506  (a SafeLoader)


words = st.text(
    st.characters(codec="utf-8", categories=("L", "Nd"), include_characters="-_ é😀"),
    min_size=1,
    max_size=8,
).map(lambda word: f"v{word.strip()}")
breaks = st.sampled_from(["\n", "\r\n"])
comments = st.one_of(st.just(""), words.map(lambda word: f" # {word}: 'x\" {{[*&"))
quotes = st.sampled_from(["{}", "'{}'", '"{}"'])
old_images = st.builds(
    lambda quote, image: quote.format(image),
    quotes,
    st.sampled_from(["old", "old:1", "${R}/a:${T:-latest}", "r:5/a@sha256:0f", "1.5"]),
)


@st.composite
def siblings(draw: st.DrawFn, indent: str) -> list[str]:
    """Lines of other settings of a service."""
    blocks = [
        [f"ports: ['80:80', \"1:1\"]{draw(comments)}"],
        ["environment:", f"  A: {draw(words)}{draw(comments)}", "  B: ${X:-y}"],
        ["command: >-", "  image: not this one", "", f"  {draw(words)}"],
        ["labels: {image: nor this, x: {image: old}}"],
        [f"# {draw(words)}", "", f"healthcheck: {{test: [CMD, {draw(words)}]}}"],
        [f"x-note: |{draw(st.sampled_from(['', '+', '-']))}", "  image: old", "    deep"],
    ]
    chosen = draw(st.lists(st.sampled_from(blocks), unique_by=lambda block: block[0], max_size=4))
    return [f"{indent}{line}" if line else "" for block in chosen for line in block]


@st.composite
def files(draw: st.DrawFn, own: st.SearchStrategy[str]) -> tuple[str, str]:
    """A compose file with one `{}` where the service `api` has its own line, and that line."""
    step = " " * draw(st.integers(1, 6))
    indent = step * 2
    line = draw(own)
    head = [
        *draw(st.sampled_from([[], ["# é 😀"], ["---"], ["version: '3'"]])),
        "x-base: &base {image: base:1, tty: true}",
        "x-img: &img shared:1",
        f"services:{draw(comments)}",
    ]
    before = [f"{step}db:", f"{indent}image: pg:15", *draw(siblings(indent))]
    upper, lower = draw(siblings(indent)), draw(siblings(indent))
    names = {one.split(":")[0] for one in upper}
    if any(one.split(":")[0] in names and one.strip() for one in lower):
        lower = []
    api = [f"{step}api:{draw(comments)}", *upper, f"{indent}\0", *lower]
    after = [f"{step}worker:{draw(comments)}", f"{indent}<<: *base", *draw(siblings(indent))]
    parts = [before, api, after] if draw(st.booleans()) else [after, api, before]
    text = draw(breaks).join([*head, *(one for part in parts for one in part), "# end"])
    text += draw(st.sampled_from(["", "\n", "\n\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text, line


@settings(deadline=None, max_examples=150)
@given(files(old_images), comments)
def test_only_the_own_scalar_differs_byte_for_byte(file: tuple[str, str], comment: str) -> None:
    text, old = file
    before = text.replace("\0", f"image: {old}{comment}")
    quote = old[0] if old[0] in "'\"" else ""
    expected = text.replace("\0", f"image: {quote}{NEW}{quote}{comment}")
    assert set_image(before.encode(), "api", NEW) == expected.encode()


inherited = st.sampled_from(
    ["image: *img", "<<: *base", "<<: [*base]", "build: .", "extends: db", "image: &own old:1"]
)


@settings(deadline=None, max_examples=150)
@given(files(inherited), comments)
def test_a_reader_of_yaml_sees_one_difference(file: tuple[str, str], comment: str) -> None:
    text, line = file
    data = text.replace("\0", f"{line}{comment}").encode()
    after = set_image(data, "api", NEW)
    wanted = load(data)
    wanted["services"]["api"]["image"] = NEW
    assert load(after) == wanted
    assert image_of(after, "api") == NEW
    assert set_image(after, "api", NEW) == after


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.text("ab:*&!{}[]|>-?#'\"\t \n\r,<\0", max_size=60)))
def test_no_bytes_cause_anything_but_a_refusal(raw: bytes | str) -> None:
    data = raw.encode() if isinstance(raw, str) else raw
    for fault in check(data):
        assert fault.line >= 1
        assert fault.column >= 1
    diff(data, b"", "f")
    for action in (
        lambda: services(data),
        lambda: image_of(data, "a"),
        lambda: set_image(data, "a", NEW),
        lambda: file_to_edit([("f", data)], "a"),
    ):
        with suppress(UnreadableCompose):
            action()


@settings(deadline=None, max_examples=200)
@given(files(st.one_of(old_images.map("image: {}".format), inherited)), st.data())
def test_a_damaged_file_is_refused_or_edited_faithfully(
    file: tuple[str, str], data: st.DataObject
) -> None:
    text, line = file
    sound = text.replace("\0", line).encode()
    at = data.draw(st.integers(0, len(sound)))
    end = data.draw(st.integers(at, min(len(sound), at + 12)))
    damaged = sound[:at] + data.draw(st.binary(max_size=4)) + sound[end:]
    check(damaged)
    try:
        after = set_image(damaged, "api", NEW)
    except UnreadableCompose:
        return
    assert image_of(after, "api") == NEW
    assert services(after) == services(damaged)
    for service in services(damaged):
        if service != "api":
            assert image_of(damaged, service) == image_of(after, service)
