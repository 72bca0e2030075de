"""Which services can have two colours behind an edge, and how the file looks then."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from deployctl.composefile.edge import EdgeSpec, install, installed, published, remove, turn
from deployctl.composefile.faults import UnreadableCompose

SPEC = EdgeSpec("haproxy:2.8.10", "/opt/app/edge/api", IPv4Network("172.30.77.0/24"))
REPORT = (Path(__file__).parents[2] / "data/stacks/report.yml").read_bytes()
SERVICE = """\
services:
  api:
    image: techno-os-api:1
    ports: ["127.0.0.1:8000:8000"]
"""


def reasons(text: str, spec: EdgeSpec = SPEC) -> list[str]:
    with pytest.raises(UnreadableCompose) as refused:
        install(text.encode(), "api", spec)
    return [fault.message for fault in refused.value.faults]


def test_the_service_becomes_its_blue_colour_and_all_else_stands_between_marks() -> None:
    assert install(SERVICE.encode(), "api", SPEC).decode() == (
        """\
services:
  api-blue: &deployctl-edge-api
    image: techno-os-api:1
    x-ports: ["127.0.0.1:8000:8000"]
    # >>> deployctl edge of api
    networks:
      default: {}
      api-edge:
        ipv4_address: 172.30.77.11
    profiles: []
    # <<< deployctl edge of api
  # >>> deployctl edge of api
  api-green:
    <<: *deployctl-edge-api
    image: techno-os-api:1
    networks:
      default: {}
      api-edge:
        ipv4_address: 172.30.77.12
    profiles: ["api-idle"]
  api-edge:
    image: haproxy:2.8.10
    restart: unless-stopped
    ports:
    - 127.0.0.1:8000:8000
    volumes:
    - type: bind
      source: /opt/app/edge/api
      target: /usr/local/etc/haproxy
      read_only: true
    networks:
      default:
        aliases:
        - api
      api-edge:
        ipv4_address: 172.30.77.10
    healthcheck:
      test:
      - CMD-SHELL
      - bash -c 'exec 3<>/dev/tcp/127.0.0.1/9998; printf "GET /ready HTTP/1.0\\r\\n\\r\\n" >&3; grep -q " 200 " <&3'
      interval: 5s
  # <<< deployctl edge of api
# >>> deployctl edge of api
networks:
  api-edge:
    ipam:
      config:
      - subnet: 172.30.77.0/24
# <<< deployctl edge of api
"""  # noqa: E501
    )


def test_the_edge_answers_to_every_name_that_the_service_had_in_its_networks() -> None:
    text = SERVICE + (
        "    container_name: techno-os-api\n"
        "    networks: {back: {aliases: [app]}, front: }\n"
        "networks: \n  back:\n  front:\n"
    )
    found = yaml.safe_load(install(text.encode(), "api", SPEC))["services"]
    networks = found["api-edge"]["networks"]
    assert networks["back"] == {"aliases": ["api", "techno-os-api", "app"]}
    assert networks["front"] == {"aliases": ["api", "techno-os-api"]}
    for colour in ("blue", "green"):
        assert found[f"api-{colour}"]["container_name"] == f"techno-os-api-{colour}"
        assert found[f"api-{colour}"]["networks"]["back"] == {}


def test_the_production_file_of_the_report_can_have_one() -> None:
    found = install(REPORT, "api", SPEC)
    assert published(REPORT, "api") == (8000,)
    assert remove(turn(found, "api", "green"), "api") == REPORT


def test_which_colour_is_live_stands_in_one_place_for_each() -> None:
    found = install(REPORT, "api", SPEC)
    blue, green = installed(found, "api"), installed(turn(found, "api", "green"), "api")
    assert blue is not None
    assert green is not None
    assert (blue.live, green.live) == ("blue", "green")
    assert turn(turn(found, "api", "green"), "api", "blue") == found
    assert installed(REPORT, "api") is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("    network_mode: host\n", "`network_mode`: A container in another's network"),
        ("    scale: 2\n", "`scale`: Each colour is one container"),
        ("    deploy: {replicas: 3}\n", "several replicas"),
        ("    profiles: [web]\n", "`profiles`: The edge tells the live colour"),
        ("    volumes: [uploads:/srv/uploads]\n", "can write uploads, and so could two"),
        ("    volumes:\n      - {type: bind, source: /a, target: /b}\n", "can write /a"),
        ("    networks: {back: {ipv4_address: 10.0.0.2}}\n", "`ipv4_address` in the network"),
        ("    devices: [/dev/kvm]\n", "`devices`: A device can be had by one"),
        ("    extends: {service: base}\n  base: {image: a:1}\n", "extends another"),
        ("    x-ports: []\n", "`x-ports` already"),
        ("  api-green: {image: a:1}\n", "a service `api-green` already"),
        ("  worker: {image: a:1, network_mode: service:api}\n", "`worker` needs the container"),
        ("  worker: {image: a:1, links: ['api:backend']}\n", "`worker` needs the container"),
        ("  worker: {image: a:1, extends: {service: api}}\n", "`worker` needs the container"),
        ("networks: {api-edge: }\n", "`networks:` is not a block"),
        ("networks:\n  api-edge:\n", "a network `api-edge` already"),
    ],
)  # fmt: skip
def test_what_cannot_run_twice_is_refused_with_the_reason(more: str, reason: str) -> None:
    assert any(reason in each for each in reasons(SERVICE + more))


@pytest.mark.parametrize(
    "ports",
    [
        "[]",
        "['53:53/udp']",
        "['8000-8001:8000-8001']",
        "['8000:${PORT}']",
        "[{target: 53, protocol: udp}]",
    ],
)
def test_an_edge_stands_before_single_tcp_ports(ports: str) -> None:
    assert reasons(SERVICE.replace('["127.0.0.1:8000:8000"]', ports))


def test_every_reason_is_told_at_once() -> None:
    more = "    scale: 2\n    volumes: [data:/data]\n"
    assert len(reasons(SERVICE + more)) == 2


def test_volumes_that_both_may_write_are_named_by_people() -> None:
    text = (
        f"{SERVICE}    volumes: ['up:/srv/up', '/etc/x:/etc/x:ro', /tmp/own]\nvolumes: {{up: }}\n"
    )
    assert reasons(text)
    for shared in ("up", "/srv/up"):
        spec = EdgeSpec(SPEC.image, SPEC.directory, SPEC.network, frozenset({shared}))
        assert remove(install(text.encode(), "api", spec), "api") == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "services: {api: {image: a:1, ports: ['1:1']}}\n",
        "services:\n  api: {image: a:1, ports: ['1:1']}\n",
        "services:\n  api: &own\n    image: a:1\n    ports: ['1:1']\n  other:\n    <<: *own\n",
        "x-a: &a\n  image: a:1\n  ports: ['1:1']\nservices:\n  api: *a\n",
        "x-a: &a {image: a:1}\nservices:\n  api:\n    <<: *a\n    ports: ['1:1']\n",
        "services:\n  web:\n    image: a:1\n",
    ],
)
def test_a_block_that_cannot_be_edited_in_place_is_refused(text: str) -> None:
    assert reasons(text)


def test_ports_and_networks_from_a_merge_are_overruled_in_each_colour() -> None:
    text = (
        "x-web: &web\n  ports: ['8000:8000']\n  networks: [back]\n"
        "services:\n  api:\n    <<: *web\n    image: a:1\nnetworks:\n  back:\n"
    )
    found = install(text.encode(), "api", SPEC)
    assert found.decode().count("ports: []") == 2
    assert remove(found, "api") == text.encode()


def test_the_directory_of_its_configuration_may_be_called_anything() -> None:
    spec = EdgeSpec(SPEC.image, "/opt/a:b/${X} 'y\"", SPEC.network)
    found = yaml.safe_load(install(SERVICE.encode(), "api", spec))
    [mount] = found["services"]["api-edge"]["volumes"]
    assert mount["source"] == "/opt/a:b/$${X} 'y\""


def test_only_a_file_with_such_an_edge_can_lose_it() -> None:
    with pytest.raises(UnreadableCompose):
        remove(REPORT, "api")
    with pytest.raises(UnreadableCompose):
        remove(install(REPORT, "api", SPEC), "postgres")
