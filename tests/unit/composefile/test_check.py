"""Faults: each with its place and how to mend it."""

import pytest

from deployctl.composefile import Surroundings, check


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"services:\n  a:\n    image: x\0\0\n", 3, 13, "2 NUL bytes"),
        (b"services:\n  a: {image: \xff}\n", 2, 14, "0xff"),
        (b"\xff\xfes\0", 1, 1, "UTF-16"),
        (b"services:\n<<<<<<< HEAD\n  a: {image: x}\n", 2, 1, "merge conflict"),
        (b"services:\n  a:\n\timage: x\n", 3, 1, "tab"),
        (b"services:\n  a:\n  \timage: x\n    b: c\n", 3, 3, "tab"),
        (b"services: {a: {image: x}, a: {image: y}}\n", 1, 27, "second time"),
        (b"services:\n  a:\n    image: x\n  b\n", 5, 1, "YAML"),
        (b"services:\n  a: {image: x\n", 3, 1, "YAML"),
        (b"services:\n  a:\n    image: \x07\n", 3, 12, "YAML"),
        (b"", 1, 1, "empty"),
        (b"# only a comment\n", 1, 1, "empty"),
        (b"- a\n", 1, 1, "not a mapping"),
        (b"volumes: {}\n", 1, 1, "no `services:`"),
        (b"volumes: {}\nservices:\n", 2, 1, "no services"),
        (b"services: []\n", 1, 11, "not a mapping"),
        (b"services:\n  a: x\n", 2, 6, "`a` is not a mapping"),
        (b"services:\n  a:\n", 2, 5, "`a` is not a mapping"),
        (b"services:\n  a:\n    ports: []\n", 3, 5, "neither"),
        (b"services:\n  a:\n    image:\n", 3, 11, "neither"),
        (b"services:\n  a:\n    image: [x]\n", 3, 12, "not a text"),
        (b"\xef\xbb\xbfservices:\n  a: {}\n", 2, 6, "neither"),
    ],
)
def test_a_fault_is_placed_and_explained(data: bytes, line: int, column: int, message: str) -> None:
    faults = [fault for fault in check(data) if message in fault.message]
    assert [(fault.line, fault.column) for fault in faults] == [(line, column)]
    assert faults[0].mend
    assert str(faults[0]).startswith(f"line {line}, column {column}: ")


A = b"services:\n  a:\n    image: x\n"


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"\xef\xbb\xbf" + A, 1, "byte order mark"),
        (A.replace(b"\n", b"\r\n"), 1, "3 lines end in CR LF"),
        (A + b"    networks: [front]\n", 4, "uses the network `front`, which is not defined"),
        (A + b"    networks: {front: {aliases: [b]}}\n", 4, "network `front`"),
        (A + b"    volumes: ['data:/var', './src:/src', '/tmp']\n", 4, "the volume `data`"),
        (A + b"    volumes:\n    - {type: volume, source: d, target: /d}\n", 5, "volume `d`"),
        (A + b"    configs: [c]\n", 4, "the config `c`"),
        (A + b"    secrets: [{source: s}]\n", 4, "the secret `s`"),
        (A + b"    depends_on: [db]\n", 4, "refers to the service `db`"),
        (A + b"    depends_on: {db: {condition: service_started}}\n", 4, "service `db`"),
        (A + b"    network_mode: service:vpn\n", 4, "the service `vpn`"),
        (A + b"    extends: {service: base}\n", 4, "the service `base`"),
        (A + b"    ports: {80: 80}\n", 4, "`ports` of the service `a` is a mapping"),
        (A + b"    environment: x\n", 4, "`environment` of the service `a` is a text"),
        (A + b"    environment: {A: {B: c}}\n", 4, "a mapping, where a single value is expected"),
        (A + b"    healthcheck: [curl]\n", 4, "`healthcheck` of the service `a` is a list"),
        (A + b"    container_name: 5\n", 4, "is a single value, where a text is expected"),
        (A + b"    contaner_name: b\n", 4, "no setting `contaner_name` of the service `a`"),
        (b"servicez:\n  a:\n    image: x\n", 1, "no setting `servicez`"),
        (A + b"volumes: [data]\n", 4, "`volumes` is a list, where a mapping is expected"),
        (A + b"    ports: ['80:80', '127.0.0.1:80:81']\n", 4, "port 80 is published a second time"),
        (
            A + b"    ports: ['8000:80']\n  b:\n    image: y\n    ports:\n"
            b"      - {published: '8000', target: 1}\n",
            8,
            "published a second time, by `b`; first by `a` on line 4",
        ),
    ],
)  # fmt: skip
def test_what_compose_would_refuse_or_only_notice_when_it_starts(
    data: bytes, line: int, message: str
) -> None:
    faults = [fault for fault in check(data) if message in fault.message]
    assert [fault.line for fault in faults] == [line], check(data)
    assert faults[0].mend


@pytest.mark.parametrize(
    ("data", "line", "severity", "message"),
    [
        (A.replace(b"\n", b"\r\n"), 1, "note", "3 lines end in CR LF, the first here."),
        (A.replace(b"\n", b"\r\n")[:-1], 1, "note", "2 lines end in CR LF, the first here."),
        (
            A.replace(b"a:\n", b"a:\r\n"),
            2,
            "fault",
            "1 line ends in CR LF, the first here; the others in LF.",
        ),
        (
            A + b"    command: a # b\rc\n",
            4,
            "fault",
            "A carriage return inside a line; for YAML the line ends there.",
        ),
    ],
)
def test_line_ends_of_one_kind_are_worth_a_note_and_no_fault(
    data: bytes, line: int, severity: str, message: str
) -> None:
    found = [(one.line, one.severity) for one in check(data) if one.message == message]
    assert found == [(line, severity)]


def test_names_that_are_there_are_no_faults() -> None:
    data = (
        A + b"    networks: [default, front]\n    volumes: ['data:/d', '${V}:/v', 'C:\\x:/y']\n"
        b"    ports: ['80:80', '80:80/udp', '127.0.0.1:81:1', '10.0.0.1:81:1', '3000']\n"
        b"    depends_on: {b: {condition: service_started, required: false}}\n"
        b"    x-own: [1]\nnetworks: {front: }\nvolumes: {data: }\nx-top: 1\n"
    )
    assert check(data) == []


def test_one_of_two_that_never_run_together_may_have_the_same_port() -> None:
    ports = b"    ports: ['80:80']\n"
    data = A + ports + b"  b:\n    image: y\n    profiles: [other]\n" + ports
    assert check(data) == []


def test_a_service_that_runs_and_is_not_in_the_file_is_missing() -> None:
    around = Surroundings(services=(("a", "it runs"), ("worker", "its container is on the host")))
    [fault] = check(A, around=around)
    assert fault.message == "The service `worker` is missing: its container is on the host."
    assert fault.line == 1


def test_variables_that_nobody_sets_are_named_once_with_their_place() -> None:
    data = A + b"    command: '$$HOME ${SET} ${D:-x} $GONE'\n    user: '${GONE}${E:?needed}'\n"
    found = check(data, around=Surroundings(variables=frozenset({"SET"})))
    assert [(f.line, f.message) for f in found] == [
        (4, "The variable `GONE` is not set, and has no default."),
        (5, "The variable `E` is not set, and has no default."),
    ]
    assert check(data) == []


def test_an_env_file_that_is_not_there_is_a_fault_unless_it_is_optional() -> None:
    data = A + b"    env_file:\n    - a.env\n    - {path: b.env, required: false}\n    - ${X}\n"
    around = Surroundings(env_file=lambda _: "does not exist")
    [fault] = check(data, around=around)
    assert (fault.line, fault.message) == (
        5,
        "The env_file a.env of the service `a` does not exist.",
    )
    assert check(data, around=Surroundings(env_file=lambda _: "")) == []


@pytest.mark.parametrize(
    "data",
    [
        b"services: {a: {image: x}}",
        b"services:\n  a:\n    build: .\n",
        b"services: {a: {extends: {file: f, service: s}}, b: {provider: {type: t}}}",
        b"include: [other.yml]\n",
        b"x-x: &x {image: i}\nservices: {a: {<<: *x}, b: *x}",
        b"services:\n  a:\n    image: x\n    command: |\n      a\tb\n      =======\n",
    ],
)
def test_a_sound_file_has_none(data: bytes) -> None:
    assert check(data) == []


def test_an_override_may_leave_things_to_earlier_files() -> None:
    assert check(b"services: {a: {ports: []}, b: !reset null}", override=True) == []
    assert check(b"volumes: {}", override=True) == []
    assert check(b"services: {a: [}", override=True) != []


def test_the_corrupted_file_of_a_deployment_by_hand_shows_every_service() -> None:
    data = b"services:\n  postgres:\n    ports: []\n  api:\n    env_file: [x]\n"
    assert [fault.line for fault in check(data)] == [3, 5]


def test_a_file_cut_off_in_the_middle_is_said_to_be() -> None:
    data = b"services:\n  api:\n    image: x\n    environment:\n      A: 'b"
    assert "cut off" in check(data)[0].mend
