"""What may stand where: Compose 2.26 refuses the one and takes the other; both were put to it."""

import pytest

from deployctl.composefile import check

A = "services:\n  a:\n    image: x\n"
B = "  b:\n    image: x\n"

REFUSED = {
    # A single line was lost, and its key is left.
    f"{A}    networks:\n": "`networks` of the service `a` is empty, where a list or a mapping",
    f"{A}    volumes:\n": "`volumes` of the service `a` is empty",
    f"{A}    env_file:\n": "`env_file` of the service `a` is empty, where a text or a list",
    f"{A}    ports:\n": "is empty",
    f"{A}    environment:\n": "is empty",
    f"{A}    labels:\n": "is empty",
    f"{A}    hostname:\n": "is empty",
    f"{A}    build:\n": "is empty",
    f"{A}    healthcheck:\n": "is empty",
    f"{A}    healthcheck:\n      retries:\n": "`healthcheck.retries` of the service `a` is empty",
    f"{A}    logging:\n      options:\n": "`logging.options` of the service `a` is empty",
    f"{A}    deploy:\n      resources:\n        limits:\n": "`deploy.resources.limits`",
    f"{A}    depends_on:\n      b:\n{B}": "`depends_on.b` of the service `a` is empty",
    f"{A}    depends_on:\n      b: {{restart: true}}\n{B}": "`condition` is missing in `depends",
    f"{A}    volumes:\n    - source: /a\n      target: /b\n": "`type` is missing in an entry of",
    f"{A}    volumes:\n    - type: tmpfs\n": "`target` is missing in an entry of `volumes`",
    f"{A}    ports:\n    - published: '80'\n": "`target` is missing in an entry of `ports`",
    f"{A}    ulimits: {{nofile: {{soft: 1}}}}\n": "`hard` is missing in `ulimits.nofile`",
    f"{A}volumes:\n": "`volumes` is empty, where a mapping",
    f"{A}secrets:\n  s:\n": "`secrets.s` is empty",
    # Indented too far, or not far enough.
    f"{A}    volumes:\n    - - ./d:/d\n": "An entry of `volumes` of the service `a` is a list",
    f"{A}    volumes:\n    -\n": "An entry of `volumes` of the service `a` is empty",
    f"{A}    command: [a, 5]\n": "An entry of `command` of the service `a` is a single value",
    f"{A}    labels: {{a: [b]}}\n": "`labels.a` of the service `a` is a list",
    f"{A}    environment:\n    - A: b\n": "An entry of `environment` of the service `a`",
    f"{A}    networks: {{default: [x]}}\n": "`networks.default` of the service `a` is a list",
    f"{A}networks: {{n: [{{internal: true}}]}}\n": "`networks.n` is a list, where a mapping is",
    f"{A}networks: {{n: {{ipam: {{config: {{}}}}}}}}\n": "`networks.n.ipam.config` is a mapping",
    f"{A}volumes: {{v: text}}\n": "`volumes.v` is a text",
    f"{A}    networks: [default, default]\n": "`default` stands in `networks`",
    "services:\n  a:\n    image: 5\n": "`image` of the service `a` is a single value",
    # No such setting.
    f"{A}exte: 1\n": "There is no setting `exte` in a compose file.",
    f"{A}    netwoheck: 1\n": "There is no setting `netwoheck` of the service `a`.",
    f"{A}    grafana:\n      image: y\n": "There is no setting `grafana` of the service `a`.",
    f"{A}    5: 6\n": "There is no setting `5` of the service `a`.",
    f"{A}    healthcheck: {{tset: a}}\n": "no setting `tset` in `healthcheck` of the service `a`",
    f"{A}    ports: [{{target: 80, exte: 1}}]\n": "no setting `exte` in an entry of `ports` of the",
    f"{A}    deploy: {{exte: 1}}\n": "no setting `exte` in `deploy` of the service `a`",
    f"{A}networks: {{n: {{exte: 1}}}}\n": "There is no setting `exte` in `networks.n`.",
}
TAKEN = [
    f"{A}    command:\n    entrypoint:\n    deploy:\n    develop:\nvolumes: {{v: }}\n",
    f"{A}    networks: {{n: }}\nnetworks: {{n: }}\n",
    f"{A}    ports: []\n    environment: {{}}\n    networks: []\n    healthcheck: {{}}\n",
    f"{A}    environment: {{A: , B: 5, C: true, D: 1.5}}\n    labels: [a, a]\n",
    f"{A}    networks: !reset null\n    ports: !reset []\n    volumes: !override ['/a:/b']\n",
    f"{A}    extends: b\n    ports:\n{B}    ports: ['80']\n",
    f"{A}    depends_on: {{b: {{condition: service_started, required: true}}}}\n{B}",
    f"{A}    ports: [80, {{target: 80, published: '81', mode: host}}]\n    expose: [80, '81']\n",
    f"{A}    volumes: [{{type: bind, source: /a, target: /b, bind: {{create_host_path: true}}}}]\n",
    f"{A}    x-own: [1]\n    deploy: {{x-own: 1}}\nnetworks: {{n: {{x-own: 1}}}}\nx-top:\n",
    f"{A}    ulimits: {{nproc: 5, nofile: {{soft: 1, hard: 2}}}}\n    cpuset: 0,1\n",
    f"{A}    extra_hosts: {{a: 1.2.3.4, b: [1.2.3.4]}}\n    sysctls: {{net.a: 1024}}\n",
    f"{A}    logging: {{driver: json-file, options: {{max-size: 10m, max-file: 3}}}}\n",
    f"{A}networks: {{n: {{external: {{name: x}}, ipam: {{config: [{{subnet: 10.9.0.0/24}}]}}}}}}\n",
    f"{A}version: '3.8'\nname: x\ninclude:\n",
]  # fmt: skip
NEWER = [
    f"{A}    models: {{m: }}\n    use_api_socket: true\n    gpus: all\n    provider: {{type: t}}\n",
    f"{A}    post_start: [{{command: a}}]\n    pull_refresh_after: 1d\n    label_file: [a]\n",
    f"{A}    build: {{context: ., provenance: true, sbom: true, entitlements: [a]}}\n",
    f"{A}    networks: {{n: {{gw_priority: 1}}}}\nnetworks: {{n: {{enable_ipv4: true}}}}\n",
    f"{A}models: {{m: {{model: x}}}}\n",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_compose_refuses_is_a_fault(text: str) -> None:
    [fault] = check(text.encode())
    assert REFUSED[text] in fault.message
    assert fault.mend


@pytest.mark.parametrize("text", TAKEN)
def test_what_compose_takes_is_none(text: str) -> None:
    assert check(text.encode()) == []


@pytest.mark.parametrize("text", NEWER)
def test_what_a_newer_compose_takes_is_none(text: str) -> None:
    assert check(text.encode()) == []


def test_what_is_empty_in_an_override_is_that_of_an_earlier_file() -> None:
    data = b"services:\n  a:\n    networks:\n    ports:\n    hostname:\n"
    assert check(data, override=True) == []


def test_a_setting_that_nobody_knows_may_be_a_newer_one() -> None:
    faults = check(f"{A}    exte: 1\n    volumes:\n".encode())
    assert [fault.unknown for fault in faults] == [True, False]


def test_a_block_that_aliases_repeat_is_told_once() -> None:
    data = b"x-v: &v [[a]]\nservices:\n  a: {image: x, volumes: *v}\n  b: {image: x, volumes: *v}\n"
    assert len(check(data)) == 1
