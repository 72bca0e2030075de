"""Values that Compose 2.26 refuses, and such that it takes: both were put to it."""

import pytest

from deployctl import composefile
from deployctl.composefile import Surroundings

A = "services:\n  a:\n    image: x\n"
TWO = f"{A}%s  b:\n    image: x\n%s"

REFUSED = {
    "services:\n  a:\n    image: ${REG:-x\n": "not the start of a whole variable",
    'services:\n  a:\n    image: "${}"\n': "whole variable",
    'services:\n  a:\n    image: "${A!}"\n': "whole variable",
    'services:\n  a:\n    image: "${A:-${B:-x}"\n': "whole variable",
    f'{A}x-y: "${{"\n': "whole variable",
    f'{A}    ports: ["99999:80"]\n': "99999 is out of range",
    f'{A}    ports: ["80:99999"]\n': "99999 is out of range",
    f'{A}    ports: ["8002-8000:80-82"]\n': "out of range",
    f'{A}    ports: ["abc:80"]\n': "abc is no number",
    f'{A}    ports: ["80:80/tcpx"]\n': "tcpx is no protocol",
    f'{A}    volumes: [":/b"]\n': "nothing on one side",
    f'{A}    volumes: ["/a:/b:"]\n': "nothing on one side",
    f'{A}    volumes: ["/a::/b"]\n': "nothing on one side",
    f'{A}    volumes: [""]\n': "is empty",
    f"{A}    volumes:\n      - ./a:/b:ro\n        - x:/y\n": "too many colons",
    f'{A}    ports: ["30$00"]\n': "30$00 is no number",
    f'{A}    ports: ["3000:30$$00"]\n': "30$00 is no number",
    f'{A}    ports: ["127.0.0.1:80"]\n': "127.0.0.1 is no number",
    f'{A}    ports: ["80:"]\n': "no port of the container",
    f'{A}    ports: [""]\n': "no port of the container",
    f'{A}    ports: ["300.0.0.1:80:80"]\n': "300.0.0.1 is no address",
    f'{A}    ports: ["80:80:80"]\n': "80 is no address",
    f"{A}    healthcheck:\n      test: [curl, -f, /]\n": "begins with `curl`",
    f"{A}    init: maybe\n": "neither true nor false",
    f"{A}    cpus: abc\n": "`cpus` of the service `a` is `abc`, which is no number",
    f"{A}    healthcheck:\n      retries: 1a\n": "which is no number",
    f"{A}    ports: [{{target: 80&00}}]\n": "which is no number",
    f"{A}    init: tru$\n": "neither true nor false",
    f"{A}    healthcheck:\n      interval: 1m$0s\n": "no duration",
    f'{A}    volumes: ["127.0.0.1:80:80"]\n': "the volume `127.0.0.1`, which is not defined",
    f"{A}    depends_on: [a]\n": "a -> a",
    TWO % ("    depends_on: [b]\n", "    depends_on: [a]\n"): "a -> b -> a",
    TWO % ("    depends_on:\n      b:\n        condition: service_helthy\n", ""): "service_helthy",
    f'{A}    links: ["b:db"]\n': "refers to the service `b`",
    f"{A}    healthcheck:\n      interval: 10\n": "no duration",
    f'{A}    healthcheck:\n      timeout: "10"\n': "no duration",
    f"{A}    stop_grace_period: 10\n": "no duration",
    f"{A}    mem_limit: 12zz\n": "no size",
    f"{A}networks:\n  n:\n    internal: maybe\n": "neither true nor false",
    f"{A}volumes:\n  n:\n    external: maybe\n": "neither true nor false",
    f"{A}    privileged: maybe\n": "neither true nor false",
    f"{A}    network_mode: host\n    networks: [default]\n": "both `network_mode` and",
    "services:\n  a b:\n    image: x\n": "can't be a service's name",
    f"{A}    <<: null\n": "no mapping",
    f"{A}    <<: [{{init: true}}, null]\n": "no mapping",
    # Compose takes these, and Docker can't start both.
    TWO % ("    container_name: c\n", "    container_name: c\n"): "is that of `a` already",
    TWO % ('    ports: ["8000-8002:80-82"]\n', '    ports: ["8001:80"]\n'): "port 8001",
}
TAKEN = [
    f'{A}    command: "echo $1 $$ $${{ a$"\n',
    f'{A}    command: "${{A:-${{B:-x}}}} ${{C?no}} ${{D:+{{}}}}"\n',
    f'{A}    labels:\n      "${{": x\n',
    f'{A}    ports: ["0:80", "[::1]:80:80/udp", "127.0.0.1::81", "8000-8002:82", "${{P}}:80"]\n',
    f'{A}    ports: ["80:80/", "81/TCP", ":82", "${{A:-1.2.3.4:80}}:83", 84, 0x50]\n',
    f'{A}    volumes: ["c:/d"]\n',
    f'{A}    volumes: ["/a:/b:ro", data, "${{V}}:"]\nvolumes:\n  data:\n',
    f"{A}    volumes: ['C:\\a:C:\\b:ro', './$$a:/c:ro,z', ./a]\n",
    f"{A}    healthcheck:\n      test: ['CMD-SHELL', 'curl -f /']\n",
    TWO % ("    depends_on:\n      b:\n        condition: service_healthy\n", ""),
    f"{A}    healthcheck:\n      interval: 1m30s\n      timeout: ${{T:-5s}}\n      retries: '3'\n",
    f"{A}    cpus: '0.5'\n    scale: ${{S:-2}}\n    pids_limit: '-1'\n    oom_score_adj: 5\n",
    f"{A}    mem_limit: 12 MiB\n    shm_size: 1.5g\n    memswap_limit: -1\n",
    f'{A}    privileged: "on"\nnetworks:\n  n:\n    internal: "yes"\n',
    f"{A}    network_mode: host\n    networks: []\n",
    f"x-a: &a\n  init: true\n{A}    <<: [*a, {{tty: true}}]\n",
    TWO % ('    ports: ["8000-8002:80"]\n', '    ports: ["8001:80"]\n'),
    TWO % ("    container_name: c\n    profiles: [p]\n", "    container_name: c\n"),
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_run_is_a_fault(text: str) -> None:
    [fault] = composefile.check(text.encode())
    assert REFUSED[text] in fault.message


@pytest.mark.parametrize("text", TAKEN)
def test_what_compose_takes_is_none(text: str) -> None:
    assert composefile.check(text.encode()) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{A}include: [gone.yml]\n", 4),
        (f"{A}include:\n  - path: [gone.yml]\n", 5),
        ("services:\n  a:\n    extends:\n      file: gone.yml\n      service: a\n", 4),
    ],
)
def test_another_compose_file_that_is_not_there_is_a_fault(text: str, line: int) -> None:
    around = Surroundings(file=lambda path: "does not exist" if path == "gone.yml" else "")
    [fault] = composefile.check(text.encode(), around=around)
    assert (fault.line, fault.message) == (line, "The Compose file gone.yml does not exist.")
    assert composefile.check(text.encode()) == []
    elsewhere = text.replace("gone.yml", '"https://example.org/gone.yml"')
    assert composefile.check(elsewhere.encode(), around=around) == []
