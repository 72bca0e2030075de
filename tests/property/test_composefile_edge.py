"""Putting an edge before a service changes nothing else, and can be taken back byte for byte."""

from ipaddress import IPv4Network
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from deployctl import composefile
from deployctl.composefile.edge import EdgeSpec, install, installed, remove, turn

SPEC = EdgeSpec("haproxy:2.8.3", "/opt/app/edge/api", IPv4Network("172.30.77.0/24"))
PORTS = (
    ['    ports:', '      - "127.0.0.1:8000:8000"'],
    ["    ports: ['8000:8000', \"9000:9000/tcp\"]  # two"],
    ["    ports:", "      - target: 8000", '        published: "8000"', "        mode: ingress"],
    ['    "ports":', "      - ${PORT:-8000}:8000"],
)  # fmt: skip
SETTINGS = (
    ["    container_name: techno-os-api"],
    ["    'container_name': \"techno-os-api\" # known to many"],
    ["    networks:", "      - backend"],
    ["    networks: {backend: {aliases: [app, techno]}, front: }"],
    ["    depends_on:", "      postgres:", "        condition: service_healthy"],
    ["    command: >-", "      uvicorn", "      app:app"],
    ["    environment: &env", "      A: b"],
    ["    x-note: |", "      ports: none", ""],
    ["    # a comment, and an empty line", ""],
    ["    volumes: ['/etc/localtime:/etc/localtime:ro']"],
    ["    labels: {a: 'b'}", "  # to the left"],
)
OTHERS = (
    ["  worker:", "    image: w:1", "    depends_on: [api, postgres]"],
    ["  web:", "    image: n:1", "    depends_on:", "      'api': {condition: service_started}"],
    ["  cron:", "    image: c:1", "    command: wait-for api  # api"],
)
TAILS: tuple[list[str], ...] = (
    ["volumes: {data: }"],
    ["volumes:", "  data:", "networks:", "  backend:", "  front: {driver: bridge}  # last"],
    ["networks:"],
    ["networks:", "  backend:", "    driver: bridge", "  front:", "# the end", "volumes: {data: }"],
)


def name_of(lines: list[str]) -> str:
    return lines[0].strip(" '\"").partition(":")[0].strip("'\"")


@st.composite
def files(draw: st.DrawFn) -> bytes:
    settings = draw(st.lists(st.sampled_from(SETTINGS), unique_by=name_of, max_size=6))
    parts = draw(
        st.permutations([["    image: techno-os-api:1"], draw(st.sampled_from(PORTS)), *settings])
    )
    anchor = draw(st.sampled_from(["", " &mine", "  # ours"]))
    key = draw(st.sampled_from(["  api:", "  'api':", '  "api" :']))
    service = [f"{key}{anchor}", *(line for part in parts for line in part)]
    postgres = ["  postgres:", "    image: postgres:15", "    volumes: [data:/data]"]
    blocks = draw(
        st.permutations(
            [service, postgres, *draw(st.lists(st.sampled_from(OTHERS), unique_by=name_of))]
        )
    )
    lines = [
        "services:",
        *(line for block in blocks for line in block),
        *draw(st.sampled_from(TAILS)),
    ]
    ends = draw(st.sampled_from([[], [""], ["", "", "# that was all", ""]]))
    text = draw(st.sampled_from(["\n", "\r\n"])).join([*lines, *ends])
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


def load(data: bytes) -> Any:
    return yaml.safe_load(data.decode("utf-8-sig"))


def without(service: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in service.items() if name not in names}


@given(files())
def test_it_can_be_taken_back_byte_for_byte(data: bytes) -> None:
    with_edge = install(data, "api", SPEC)
    assert remove(with_edge, "api") == data


@given(files())
def test_whatever_was_turned_and_deployed_meanwhile_the_live_image_stays(data: bytes) -> None:
    now = install(data, "api", SPEC)
    now = composefile.set_image(turn(now, "api", "green"), "api-green", "techno-os-api:2")
    found = installed(now, "api")
    assert found is not None
    assert (found.live, found.images) == (
        "green", {"blue": "techno-os-api:1", "green": "techno-os-api:2"},
    )  # fmt: skip
    assert remove(now, "api") == composefile.set_image(data, "api", "techno-os-api:2")


@given(files())
def test_every_other_service_is_as_before_but_waits_for_the_edge(data: bytes) -> None:
    before, after = load(data), load(install(data, "api", SPEC))
    for name, service in before["services"].items():
        if name == "api":
            continue
        waits = service.get("depends_on")
        if isinstance(waits, dict):
            waits = {{"api": "api-edge"}.get(each, each): how for each, how in waits.items()}
        elif waits:
            waits = ["api-edge" if each == "api" else each for each in waits]
        assert after["services"][name] == {**service, **({"depends_on": waits} if waits else {})}
    assert without(after, "services", "networks") == without(before, "services", "networks")
    networks = before.get("networks") or {}
    assert without(after["networks"], "api-edge") == networks


@given(files())
def test_both_colours_are_the_service_but_for_what_each_has_to_itself(data: bytes) -> None:
    before, after = load(data)["services"]["api"], load(install(data, "api", SPEC))["services"]
    own = ("container_name", "networks", "ports", "profiles")
    for colour in ("blue", "green"):
        found = after[f"api-{colour}"]
        kept = {
            name: value
            for name, value in found.items()
            if not name.startswith("x-") or name == "x-note"
        }
        assert without(kept, *own) == without(before, *own)
        assert "ports" not in found
        assert ("container_name" in found) == ("container_name" in before)
    assert after["api-edge"]["ports"] == before["ports"]


@given(files())
def test_it_brings_no_fault_into_the_file(data: bytes) -> None:
    assume(not faults(data))
    assert faults(install(data, "api", SPEC)) == set()


def faults(data: bytes) -> set[str]:
    return {found.message for found in composefile.check(data) if found.severity == "fault"}
