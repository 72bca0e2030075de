"""Where links lead, against the file system itself as the judge."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.source.links import leaves_tree

names = st.sampled_from([b"a", b"b", b"c", b"d/a", b"d/b", b"d/e/a"])
targets = st.lists(st.sampled_from([b"..", b".", b"a", b"b", b"c", b"d", b"e", b""]), min_size=1)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(names, targets.map(b"/".join).filter(bool), max_size=6))
def test_a_link_that_the_kernel_follows_outside_is_always_found(links: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve() / "1/2/3/4/5/6/7/8/9/tree"
        (root / "d/e").mkdir(parents=True)
        for path, target in links.items():
            (root / os.fsdecode(path)).symlink_to(os.fsdecode(target))
        for path in links:
            if leaves_tree(path, links):
                continue
            try:
                real = (root / os.fsdecode(path)).resolve(strict=True)
            except (OSError, RuntimeError):
                continue
            assert real == root or root in real.parents
