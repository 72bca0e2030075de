"""Whatever a compose file holds: its faults, and an edit that is one or is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl import composefile
from deployctl.errors import DeployctlError
from tests.cases import works

SERVICE = "services:\n  api:\n    image: a:1\n"
PIECES = [
    "services:", "\n  api:", "\n    image: a:1", "\n  ", "\n    ", "\n- ", "\n", "image:", "api",
    "<<: ", "*a", "&a ", "&b ", "*b", "!reset ", "!!binary ", "! ", "{", "}", "[", "]", ",", ": ",
    "? ", "|-\n", ">\n", "'", '"', "\\", "#", "---", "...", "%YAML 1.2", "\t", "\r\n", "\x00",
    "\ufeff", "\u2028", "\x85", "é", "😀", "${X", "${X:-y}", "$$", "~", "null", "extends: ",
    "<<<<<<< a\n", "=======\n", ">>>>>>> b\n", "x-a: &a {image: b}\n", "include: [a.yml]\n",
    "ports: ", "build: .",
]  # fmt: skip


def edited(data: bytes) -> bytes | None:
    try:
        return composefile.set_image(data, "api", "a:2")
    except DeployctlError:
        return None


@works("Hostile input", "compose files of any bytes and pieces of YAML")
@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map(lambda parts: "".join(parts).encode())
    | st.lists(st.sampled_from(PIECES), max_size=9).map(
        lambda parts: f"{SERVICE}{''.join(parts)}".encode()
    )
    | st.binary(max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_any_file_has_faults_or_is_edited(data: bytes) -> None:
    composefile.check(data)
    after = edited(data)
    assert after is None or b"a:2" in after


def chained(kind: str) -> str:
    """Each of these names the one before twice: what it stands for doubles forty times."""
    links = (f"x-{n}: &m{n} {kind.format(n - 1)}\n" for n in range(1, 40))
    return "x-0: &m0 {image: a:1}\n" + "".join(links)


BOMBS = {
    "aliases": chained("[*m{0}, *m{0}]") + SERVICE,
    "merges": chained("{{<<: [*m{0}, *m{0}]}}") + "services:\n  api:\n    <<: *m39\n",
    "depth": f"{SERVICE}    x: {'[' * 3000}{']' * 3000}\n",
    "depth of the services": f"services: {'{a: ' * 3000}",
    "blocks": "".join(f"{' ' * n}a:\n" for n in range(700)),
    "conflicts": "<<<<<<< a\n=======\n>>>>>>> b\n" * 3000,
    "tabs": "\ta:\n" * 9000,
    "one line": f'{SERVICE}    x: "{"${a:-" * 9000}"\n',
    "long ports": f'{SERVICE}    ports: ["{"9" * 5000}:80", {{published: "{"9" * 5000}"}}]\n',
    "settings that are none": (
        f"x-a: &a {{image: a:1, {', '.join(f'k{n}: 1' for n in range(100))}}}\nservices:\n"
        f"{''.join(f'  s{n}: *a{chr(10)}' for n in range(100))}  api:\n    image: a:1\n"
    ),
    "size": f"{SERVICE}# {'x' * 5_000_000}\n",
}


@works(
    "Hostile input",
    "compose files with aliases or merges that double forty times, 3,000 levels deep",
)
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_not_go_off(text: str) -> None:
    data = text.encode()
    assert len(composefile.check(data)) <= 500
    after = edited(data)
    assert after is None or composefile.check(after) == composefile.check(data)
