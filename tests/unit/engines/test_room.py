"""What of Docker's disk could be freed, and how."""

import pytest

from deployctl.engines.compose.room import Freeable, parse, size_of, told
from deployctl.engines.releases import ServiceImage

from .support import OLD, record, survey

LIVE, BEFORE, OLDER, OLDEST = (f"sha256:{name}" for name in ("live", "before", "older", "oldest"))


def built(number: int, image: str, previous: str | None = None) -> object:
    return record(
        f"r{number}",
        sha=f"{number}" * 40,
        build_digest="sha256:digest",
        services={"api": ServiceImage(image=f"techno-os-api:{number}", image_id=image)},
        previous=previous,
    )


HOST = survey(
    releases=(
        record("r0"), built(1, OLDEST), built(2, OLDER), built(3, BEFORE), built(4, LIVE, "r3"),
    ),
    live="r4",
)  # fmt: skip
TOLD = f"""\
image\t{LIVE}\ttechno-os-api:4\t20MB\t1
image\t{BEFORE}\ttechno-os-api:3\t21MB\t1
image\t{OLDER}\ttechno-os-api:2\t22.5MB\t1
image\t{OLDEST}\ttechno-os-api:1\t23kB\t0
image\t{OLD}\ttechno-os-api:v1\t99MB\t1
image\tsha256:x\t<none>:<none>\t1.5GB\t0
image\tsha256:y\t<none>:<none>\t3GB\t1
cache\ta\tfalse\tfalse\t1.2GB
cache\tb\tfalse\tfalse\t300MB
cache\tc\tfalse\ttrue\t7GB
cache\td\ttrue\tfalse\t7GB

"""


def test_the_largest_first_with_the_command_that_frees_it() -> None:
    cache, untagged, older = parse(TOLD, HOST)
    assert cache == Freeable("the engine's build cache", 1_500_000_000, "docker builder prune")
    assert untagged == Freeable("untagged images", 1_500_000_000, "docker image prune")
    assert older.size == 22_500_000
    assert older.what.startswith("the image of r2 (2222222)")
    assert older.command == (
        "docker rm deployctl-pin.techno-os.api.r2; "
        "docker rmi techno-os-api:2 deployctl-pin/techno-os/api:r2"
    )


def test_neither_the_live_release_nor_the_one_before_nor_one_that_was_found() -> None:
    commands = " ".join(each.command for each in parse(TOLD, HOST))
    for number in (0, 3, 4):
        assert f"api.r{number}" not in commands


def test_nor_one_whose_image_runs() -> None:
    running = survey(releases=HOST.releases, live="")
    found = parse(TOLD.replace(OLDER, OLD).replace("techno-os-api:2\t22", "x:2\t22"), running)
    assert not any(OLD in each.command or "r0" in each.what for each in found)


def test_docker_by_sudo_is_told_as_it_is_called() -> None:
    [first, *_] = parse(TOLD, survey(docker=("sudo", "-n", "docker")))
    assert first.command.startswith("sudo -n docker ")


def test_it_is_told_in_one_sentence() -> None:
    found = parse(TOLD, survey())
    assert told(found) == (
        " What could be freed: the engine's build cache, 1430 MiB; untagged images, 1430 MiB."
    )
    assert told(()) == ""


@pytest.mark.parametrize(
    ("text", "size"), [("0B", 0), ("1.2GB", 1_200_000_000), ("45kB", 45_000), ("1e+03MB", 10**9)]
)
def test_sizes_as_docker_writes_them(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize(
    "text", ["image\tx", "cache\ta\tfalse\tfalse\tmuch", "image\ta\tb\tN/A\t0"]
)
def test_what_is_no_answer_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|unpack"):
        parse(text, HOST)
