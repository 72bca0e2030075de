"""A YAML file as a tree with places: what it means, and every way in which it can be wrong."""

import pytest

from deployctl.config.faults import Mark, dotted
from deployctl.config.tree import DEEPEST, LARGEST_BYTES, Mapping, Scalar, parse, plain


def values(text: str) -> object:
    node, faults = parse(text.encode(), "f.yml")
    assert not faults
    assert node is not None
    return plain(node)


def faults_of(data: bytes | str) -> list[str]:
    _, faults = parse(data.encode() if isinstance(data, str) else data, "f.yml")
    return [str(fault) for fault in faults]


class TestMeaning:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("yes", "yes"),
            ("on", "on"),
            ("true", True),
            ("False", False),
            ("22:22", "22:22"),
            ("0755", 755),
            ("0x1F", 31),
            ("0o17", 15),
            ("1.10", 1.1),
            ("1e3", 1000.0),
            ("12e03", 12000.0),
            ("2026-01-03", "2026-01-03"),
            ("~", None),
            ("", None),
            ("'1'", "1"),
            ('"true"', "true"),
            ("1" * 30, "1" * 30),
            ("1_000", "1_000"),
            (".inf", ".inf"),
        ],
    )
    def test_scalars_follow_the_core_schema_of_yaml_1_2(self, text: str, value: object) -> None:
        assert values(f"key: {text}") == {"key": value}

    def test_keys_are_words_whatever_they_look_like(self) -> None:
        assert values("{8000: a, true: b}") == {"8000": "a", "true": "b"}

    def test_anchors_aliases_and_merge_keys_work(self) -> None:
        text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\n"
        assert values(text) == {
            "a": {"x": 1, "y": 2},
            "b": {"x": 1, "y": 3},
            "c": {"x": 1, "y": 2, "z": 4},
        }

    def test_every_value_knows_its_place(self) -> None:
        node, _ = parse(b"a:\n  b: [one, two]\n", "f.yml")
        assert isinstance(node, Mapping)
        inner = node.entries["a"]
        assert isinstance(inner, Mapping)
        assert inner.key_marks["b"] == Mark(2, 3)
        two = plain_item(inner, "b", 1)
        assert (two.mark, dotted(two.path)) == (Mark(2, 12), "a.b[1]")


def plain_item(node: Mapping, key: str, index: int) -> Scalar:
    item = node.entries[key].items[index]  # type: ignore[union-attr]
    assert isinstance(item, Scalar)
    return item


class TestFaults:
    def test_duplicate_keys_name_both_lines(self) -> None:
        assert faults_of("a:\n  b: 1\n  b: 2\n") == [
            "f.yml:3:3: a.b: is given twice; it is already on line 2"
        ]

    def test_all_faults_of_the_tree_are_told_at_once(self) -> None:
        assert len(faults_of("a: 1\na: 2\nb: !x 1\n[1]: 2\n")) == 3

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "f.yml:1:1: the file is empty"),
            (b"# nothing\n", "f.yml:1:1: the file is empty"),
            (b"\xef\xbb\xbfa: 1\n", "f.yml:1:1: the file begins with a byte order mark"),
            ("a: 1".encode("utf-16"), "f.yml:1:1: the file is UTF-16"),
            (b"a: 1\nb: \xff\n", "f.yml:2:4: byte 0xff is not UTF-8"),
            (b"a: 1\nb: x\x00y\n", "f.yml:2:5: control character U+0000"),
            (b"a: \x1b[2J\n", "f.yml:1:4: control character U+001B"),
            (b'a: "x\\0"\n', "f.yml:1:4: a: an escape stands for control character U+0000"),
            (b'a: "\\ud800"\n', "f.yml:1:4: a: an escape stands for control character U+D800"),
            (b'a: "\\UFFFFFFFF"\n', "f.yml:1:1: this is not YAML"),
            (b"a:\n\tb: 1\n", "f.yml:2:1: a tab; YAML is indented with spaces"),
            (b"a: 'x\n", "f.yml:2:1: a quote is opened and never closed"),
            (b"a: b: c\n", "f.yml:1:5: a colon that doesn't fit here"),
            (b"a: *b\n", "f.yml:1:4: an alias here names no anchor"),
            (b"a: &a [*a]\n", "f.yml:1:8: an alias here names no anchor"),
            (b"a: 1\n---\nb: 2\n", "f.yml:2:1: a second document begins here"),
            (b"a: !!python/object:os.system 1\n", "f.yml:1:4: a: a tag"),
            (b"{a: 1, [b]: 2}", "f.yml:1:8: a list or mapping as a key"),
            (b"<<: 1\n", "f.yml:1:5: <<: expected an alias of a mapping"),
            (b"[" * (DEEPEST + 2), "nested deeper than"),
            (b"[" * 100_000, "nested deeper than"),
            (b"a" * (LARGEST_BYTES + 1), "f.yml:1:1: the file has"),
        ],
    )
    def test_each_says_where_and_what(self, data: bytes, said: str) -> None:
        [fault] = faults_of(data)
        assert said in fault

    def test_a_bomb_of_aliases_is_stopped_before_it_grows(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        [fault] = faults_of("\n".join(lines))
        assert "more than 20000 values" in fault

    def test_a_message_stays_on_one_line(self) -> None:
        assert all("\n" not in fault for fault in faults_of('a: {\n"b": "c\n\n'))
