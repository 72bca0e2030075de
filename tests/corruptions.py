"""Ways in which compose files get broken, and the stacks that they are tried on."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

STACKS = {
    path.stem: path.read_bytes() for path in (Path(__file__).parent / "data/stacks").glob("*.yml")
}


def _without(pattern: str, count: int = 0) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, count=count, flags=re.MULTILINE)


def _with(pattern: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, new, text, count=count, flags=re.MULTILINE)


def _last(pattern: str) -> Callable[[str], str]:
    def lose(text: str) -> str:
        match = list(re.finditer(pattern, text, re.MULTILINE))[-1]
        return text[: match.start()] + text[match.end() :]

    return lose


IMAGE = r"^ +image: .*\n"
CONFLICT = (
    "<<<<<<< HEAD\n" + r"\g<0>" + "=======\n    image: techno-os-api:other\n>>>>>>> feature/other\n"
)

TEXTS: dict[str, Callable[[str], str]] = {
    "every image line is gone (the report)": _without(IMAGE),
    "the first image line is gone": _without(IMAGE, 1),
    "the last image line is gone": _last(IMAGE),
    "sed has emptied the images": _with(r"(image:) .*$", r"\1", 0),
    "sed has eaten a colon": _with(r"image: ", "image "),
    "sed has eaten a space": _with(r"image: ", "image:"),
    "the header of the services is gone": _without(r"^services:\n"),
    "the header of a service is gone": _last(r"^  [a-z]+:\n(?=    )"),
    "the header of the volumes is gone": _without(r"^volumes:.*\n"),
    "the header of the networks is gone": _without(r"^networks:.*\n"),
    "a merge was not finished": _with(IMAGE, CONFLICT),
    "a merge was not finished, ours is empty": _with(
        IMAGE, "<<<<<<< HEAD\n=======\n" + r"\g<0>" + ">>>>>>> other\n"
    ),
    "a tab stands before an image": _with(r"^    (image:)", r"\t\1"),
    "an editor has made tabs of the spaces": _with(r"^    ", "\t", 0),
    "CR LF, a byte order mark and no image": lambda text: (
        "\ufeff" + re.sub(IMAGE, "", text, count=1, flags=re.MULTILINE).replace("\n", "\r\n")
    ),
    "a service was pasted twice": lambda text: re.sub(
        r"^  [a-z]+:\n(?:    .*\n)+", lambda m: m[0] * 2, text, count=1, flags=re.MULTILINE
    ),
    "a setting stands twice": _with(IMAGE, r"\g<0>\g<0>"),
    "the file stands twice": lambda text: text + text,
    "a second document follows": lambda text: text + "---\n" + text,
    "a quote was lost": _with(r"(\[?\"[^\"\n]+)\"", r"\1"),
    "a bracket was lost": _with(r"\](\n)", r"\1"),
    "a line stands one column too far left": _with(r"^    (?=image)", "   "),
    "a line stands one column too far right": _with(r"^    (?=image)", "     "),
    "a service has lost all its settings": _with(r"^(  [a-z]+:\n)(?:    .*\n)+", r"\1"),
    "half of it is gone": lambda text: text[: len(text) // 2],
    "the last fifth is gone": lambda text: text[: len(text) * 4 // 5],
    "the last line was cut off": lambda text: text.rstrip()[:-9],
    "only its head is left": lambda text: text[: text.index("services:") + 10],
    "it is empty": lambda _: "",
    "only a comment is left": lambda _: "# was here\n",
    "it is another file": lambda _: "POSTGRES_USER=somebody\nLOG_LEVEL=info\n",
}

BYTES: dict[str, Callable[[bytes], bytes]] = {
    "its last block is NULs": lambda data: data[:-80] + b"\0" * 80,
    "a block of NULs in the middle": lambda data: (
        data[: len(data) // 3] + b"\0" * 40 + data[len(data) // 3 + 40 :]
    ),
    "it is all NULs": lambda data: b"\0" * len(data),
    "garbage in the middle": lambda data: (
        data[: len(data) // 2] + b"\xff\xfe\x07\x80" + data[len(data) // 2 + 4 :]
    ),
    "it is UTF-16": lambda data: data.decode().encode("utf-16"),
}


def corruptions(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every kind, where it changes anything of this file."""
    text = data.decode()
    found = [
        (name, change(text).encode()) for name, change in TEXTS.items() if _applies(name, text)
    ]
    found += [(name, change(data)) for name, change in BYTES.items()]
    yield from ((name, broken) for name, broken in found if broken != data)


def _applies(name: str, text: str) -> bool:
    try:
        return TEXTS[name](text) != text
    except (IndexError, ValueError):
        return False


def lost_lines(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The file without one line, for each of its lines."""
    lines = data.splitlines(keepends=True)
    for index in range(len(lines)):
        yield f"line {index + 1} is lost", b"".join(lines[:index] + lines[index + 1 :])


def lost_ranges(data: bytes, count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """The file without a range of bytes, short ones and long ones."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        length = int(2 ** chance.uniform(0, 8))
        at = chance.randrange(len(data) - 1)
        yield f"bytes {at} to {at + length} are lost", data[:at] + data[at + length :]
