"""Whatever is put comes out, however the stream is cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deployctl.host.wire import MalformedStreamError, Record, RecordReader, start_marker

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
records = st.lists(st.builds(Record, names, st.binary(max_size=300)), max_size=8)


def encode(items: list[Record]) -> bytes:
    return b"".join(
        f"{item.name} {len(item.data)}\n".encode() + item.data + b"\n" for item in items
    )


def drain(reader: RecordReader) -> list[Record]:
    found = []
    while (record := reader.next()) is not None:
        found.append(record)
    return found


@given(items=records, noise=st.binary(max_size=200), data=st.data())
def test_records_survive_any_cut(items: list[Record], noise: bytes, data: st.DataObject) -> None:
    stream = noise + start_marker("nonce") + encode(items)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))
    edges = [0, *sorted(cuts), len(stream)]
    reader = RecordReader("nonce")
    found = []
    for start, stop in pairwise(edges):
        reader.feed(stream[start:stop])
        found += drain(reader)
    assert found == items
    assert reader.noise == noise


@given(stream=st.binary(max_size=500))
def test_any_bytes_give_records_or_are_refused(stream: bytes) -> None:
    reader = RecordReader("nonce")
    reader.feed(start_marker("nonce") + stream)
    try:
        found = drain(reader)
    except MalformedStreamError:
        return
    assert stream.startswith(encode(found)) or any(b" 0" in stream for _ in found)
