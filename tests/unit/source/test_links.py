"""Links are followed as the kernel follows them."""

import pytest

from deployctl.source.links import leaves_tree


@pytest.mark.parametrize(
    ("links", "leaves"),
    [
        ({b"l": b"a"}, False),
        ({b"d/l": b"../a"}, False),
        ({b"d/l": b"../../a"}, True),
        ({b"l": b"/a"}, True),
        ({b"l": b"a/../.."}, True),
        ({b"l": b"l"}, False),
        ({b"l": b"./nowhere//x"}, False),
        # `a/b/up` leads to the root, so one more step up is outside although the text is not.
        ({b"l": b"a/b/up/../x", b"a/b/up": b"../.."}, True),
        ({b"l": b"abs/x", b"abs": b"/etc"}, True),
    ],
)
def test_a_link(links: dict[bytes, bytes], leaves: bool) -> None:
    assert leaves_tree(next(iter(links)), links) is leaves
