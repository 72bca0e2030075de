"""The archive is the tree: GNU tar and BusyBox's rules aside, what goes in comes out."""

import hashlib
import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from deployctl.source.archive import Archive, HashedFile
from deployctl.source.tree import Entry

parts = st.binary(min_size=1, max_size=120).filter(
    lambda part: not set(b"/\0") & set(part) and part not in (b".", b"..")
)
files = st.dictionaries(parts, st.tuples(st.binary(max_size=600), st.booleans()), max_size=8)


def archived(tree: dict[bytes, tuple[bytes, bool]]) -> tuple[bytes, HashedFile]:
    buffer = io.BytesIO()
    output = HashedFile(buffer)
    archive = Archive(output)
    for path, (content, executable) in sorted(tree.items()):
        mode = "100755" if executable else "100644"
        oid = hashlib.sha256(content).hexdigest()
        entry = Entry(b"dir/" + path, mode, oid, len(content), 0)
        assert archive.add(entry, io.BytesIO(content)) == hashlib.sha256(content).hexdigest()
    archive.close()
    return buffer.getvalue(), output


@given(files)
def test_what_goes_in_comes_out(tree: dict[bytes, tuple[bytes, bool]]) -> None:
    data, output = archived(tree)
    assert output.size == len(data)
    assert output.sha256.hexdigest() == hashlib.sha256(data).hexdigest()
    assert archived(tree)[0] == data
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
        for info in tar.getmembers():
            file = tar.extractfile(info)
            if file is not None:
                name = info.name.encode("utf-8", "surrogateescape").removeprefix(b"dir/")
                found[name] = (file.read(), bool(info.mode & 0o100))
    assert found == tree
