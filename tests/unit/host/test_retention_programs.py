"""The programs of retention, in every shell that may be there, with a script in Docker's place."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployctl.engines.compose import tidy
from deployctl.engines.retention import Holder, Made, RunLeft, Tag
from deployctl.host import programs
from deployctl.host.wire import Answer, RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
DOCKER = """#!/bin/sh
# containers: `id image status state`; images: `id reference`; both as files of $WORLD
echo "$*" >>"$WORLD/asked"
case $* in
"ps -aq --no-trunc") cut -d' ' -f1 "$WORLD/containers" ;;
"ps -a "*) cut -d' ' -f4 "$WORLD/containers" ;;
"image ls "*) tr ' ' '\t' <"$WORLD/images" ;;
"inspect "*)
    format=$5
    shift 5
    for id; do
        line=$(grep "^$id " "$WORLD/containers") || exit 1
        set -- $line
        case $format in
        '{{.Image}}') echo "$2" ;;
        '{'\\"*)
            printf '{"id":"%s","image":"%s","status":"%s","state":"%s",' "$@"
            echo '"keeps":"shop/api","pin":"deployctl-pin/shop/api:r0"}'
            ;;
        *) echo "$3 $4" ;;
        esac
    done
    ;;
"image inspect --format {{.Id}} "*) grep " $5$" "$WORLD/images" | cut -d' ' -f1 | grep . ;;
"image inspect --format {{len .RepoTags}} "*) grep -c "^$5 [^<]" "$WORLD/images" ;;
"image inspect --format {{len"*)
    grep -q "^$5 " "$WORLD/images" && echo "$(grep -c "^$5 [^<]" "$WORLD/images")0"
    ;;
"rmi api:stuck") echo 'conflict: unable to remove' >&2; exit 1 ;;
esac
"""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return [*words, "-c", 'IFS= read -r b && eval "$b"']


@dataclass
class World:
    """A host: what its Docker has, and a state directory."""

    folder: Path
    shell: list[str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def has(self, name: str, *lines: str) -> None:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def run(self, name: str, state: str, **files: str) -> Path:
        run = self.state / "runs" / name
        run.mkdir(parents=True)
        for file, text in {"state": f"{state} x\n", "settings": "LIVE_AFTER=r3\n", **files}.items():
            (run / file).write_text(text)
        return run

    def program(self, name: str, params: dict[str, str]) -> Answer:
        own = {"DOCKER": str(self.folder / "docker"), "STATE_DIR": str(self.state)}
        script = programs.script(name, {**own, **params})
        ran = subprocess.run(
            self.shell, input=script.data, capture_output=True, timeout=30, check=False
        )
        reader = RecordReader(script.nonce)
        reader.feed(ran.stdout)
        return Answer(list(iter(reader.next, None)))

    def tidy(self, **params: str) -> Answer:
        rest = dict.fromkeys(("KEEPERS", "TAGS", "IMAGES", "RUNS", "RECORDS", "CACHE"), "")
        own = {"STATE_GROUP": "", "ROOT": str(self.folder), "RUN_ID": "now", "LIVE": "r3"}
        return self.program("tidy", {**rest, **own, **params})

    @property
    def done(self) -> list[str]:
        """What Docker was told to change."""
        asked = (self.folder / "asked").read_text().splitlines()
        return [line for line in asked if line.split()[0] in {"rm", "rmi", "builder"}]


@pytest.fixture
def world(shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("WORLD", str(tmp_path))
    world = World(tmp_path, shell)
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    for name in ("releases", "upload", "runs"):
        (world.state / name).mkdir(parents=True)
    (world.state / "live").write_text("r3\n")
    world.run("now", "confirmed", **{"about.json": '{"runId": "now"}\n'})
    world.has("asked")
    world.has("containers", "c1 sha256:live running -")
    world.has("images", "sha256:live api:3", "sha256:old api:1", "sha256:bare <none>:<none>")
    return world


class TestTidy:
    def test_what_goes_is_taken_without_any_force(self, world: World) -> None:
        world.has("containers", f"k1 sha256:old created {world.state}")
        world.tidy(KEEPERS="k1", TAGS="sha256:old api:1", IMAGES="sha256:bare")
        world.has("containers")  # as the keeper holds the image until it is gone
        world.tidy(TAGS="sha256:old api:1")
        assert world.done == ["rm -v k1", "rmi sha256:bare", "rmi api:1"]

    @pytest.mark.parametrize("container", ["k1 sha256:old running {}", "k1 sha256:old created -"])
    def test_a_keeper_that_was_started_or_is_anothers_stays(
        self, world: World, container: str
    ) -> None:
        world.has("containers", container.format(world.state))
        world.tidy(KEEPERS="k1")
        assert world.done == []

    def test_what_has_found_a_use_since_stays(self, world: World) -> None:
        world.has("containers", "c9 sha256:old exited -", "c8 sha256:bare exited -")
        world.tidy(TAGS="sha256:old api:1", IMAGES="sha256:bare")
        assert world.done == []

    def test_a_tag_that_is_another_image_by_now_stays(self, world: World) -> None:
        world.tidy(TAGS="sha256:else api:1\nsha256:old api:7", IMAGES="sha256:old\nsha256:none")
        assert world.done == []

    def test_the_last_name_of_an_image_stays_also_where_its_owners_went_since(
        self, world: World
    ) -> None:
        """It isn't one that deployctl made, and the decision was made while it had another name."""
        world.has("images", "sha256:theirs deployctl-pin/shop/api:r0")
        world.tidy(TAGS="sha256:theirs deployctl-pin/shop/api:r0 another's")
        assert world.done == []
        world.tidy(TAGS="sha256:theirs deployctl-pin/shop/api:r0")
        assert world.done == ["rmi deployctl-pin/shop/api:r0"]

    def test_an_image_that_was_to_go_for_it_had_no_name_stays_with_one(self, world: World) -> None:
        """It was given since: by somebody, or by a run of ours."""
        world.has("images", "sha256:bare theirs:1", "sha256:none <none>:<none>")
        world.tidy(IMAGES="sha256:bare\nsha256:none")
        assert world.done == ["rmi sha256:none"]

    def test_the_cache_only_where_that_is_wanted(self, world: World) -> None:
        world.tidy()
        assert world.done == []
        world.tidy(CACHE="2000000000")
        assert world.done == ["builder prune --force --keep-storage 2000000000"]

    def test_runs_at_their_end_and_records_go(self, world: World) -> None:
        names = [world.run("back", "rolled_back").name, world.run("torn", "rollback_failed").name]
        (world.state / "releases" / "r0.json").write_text("{}")
        (world.folder / "precious").mkdir()
        (world.state / "runs" / "state").write_text("confirmed\n")  # as that of `.`
        world.tidy(
            RUNS="\n".join((*names, ".", "..", "../../precious", "gone")), RECORDS="r0\n../x"
        )
        left = sorted(path.name for path in (world.state / "runs").iterdir())
        assert left == ["now", "state", "torn"]
        assert list((world.state / "releases").iterdir()) == []
        assert (world.folder / "precious").is_dir()

    def test_what_cut_off_runs_were_sending_goes(self, world: World) -> None:
        (world.state / "upload" / "x.tar.gz.part").write_text("half")
        world.tidy()
        assert list((world.state / "upload").iterdir()) == []

    def test_what_docker_does_not_let_go_is_told_and_the_rest_goes_on(self, world: World) -> None:
        world.has("images", "sha256:s api:stuck", "sha256:old api:1")
        answer = world.tidy(TAGS="sha256:s api:stuck\nsha256:old api:1")
        assert "conflict" in answer.text("failed")
        assert world.done == ["rmi api:stuck", "rmi api:1"]

    def test_it_holds_the_lock_only_while_it_is_at_work(self, world: World) -> None:
        assert world.tidy().text("failed") == ""
        assert not (world.state / "lock.json").exists()
        assert (world.state / "runs/now/phase").read_text() == "clean-up\n"
        with (world.state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_another_rollout_has_begun(self, world: World) -> None:
        (world.state / "lock.json").write_text('{"runId": "other"}\n')
        with (world.state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_busy(world)
        assert (world.state / "lock.json").exists()

    def test_another_release_is_live(self, world: World) -> None:
        (world.state / "live").write_text("r4\n")
        self.assert_busy(world)

    @pytest.mark.parametrize("state", ["armed", "swapped", "rolling_back"])
    def test_a_run_is_not_at_its_end(self, world: World, state: str) -> None:
        world.run("other", state)
        self.assert_busy(world)

    def assert_busy(self, world: World) -> None:
        answer = world.tidy(KEEPERS="k1", TAGS="sha256:old api:1", RUNS="now", CACHE="1")
        assert answer.text("fail-kind") == "busy"
        assert world.done == []
        assert (world.state / "runs" / "now").is_dir()


class TestInventory:
    @pytest.fixture
    def take(self, world: World) -> Callable[[], tidy.Inventory]:
        return lambda: tidy.parse(world.program("inventory", {}), "shop", str(world.state))

    def test_all_that_is_there(self, world: World, take: Callable[[], tidy.Inventory]) -> None:
        world.has(
            "containers",
            f"k1 sha256:old created {world.state}",
            f"k2 sha256:old exited {world.state}",
            "k3 sha256:old created /other",
        )
        world.run("bad", "rolled_back")
        (world.state / "runs" / "begun").mkdir()
        (world.state / "made").write_text("bad\tsha256:b\tapi:b\t4096\nnow\tsha256:old\tapi:1\t-\n")
        found = take()
        assert found.tags == (
            Tag("sha256:live", "api:3"), Tag("sha256:old", "api:1"), Tag("sha256:bare", ""),
        )  # fmt: skip
        assert found.holders == (
            Holder("k1", "sha256:old", "deployctl-pin/shop/api:r0"),
            Holder("k2", "sha256:old"),
            Holder("k3", "sha256:old"),
        )
        assert {run.run_id: (run.state, run.release) for run in found.runs} == {
            "now": ("confirmed", "r3"), "bad": ("rolled_back", "r3"), "begun": ("", ""),
        }  # fmt: skip
        assert RunLeft("begun", "", 0, "") in found.runs
        assert found.made == (
            Made("bad", "sha256:b", "api:b"), Made("now", "sha256:old", "api:1"),
        )  # fmt: skip
        assert found.elsewhere == frozenset()

    def test_releases_of_other_projects(
        self, world: World, take: Callable[[], tidy.Inventory]
    ) -> None:
        """Told by the containers that keep their images; its own state is none of them."""
        image = "sha256:" + "0123456789abcdef" * 4
        for state in (world.folder / "theirs", world.state):
            (state / "releases").mkdir(parents=True, exist_ok=True)
            record = {"services": {"api": {"imageId": image if state != world.state else "x"}}}
            (state / "releases" / "r0.json").write_text(json.dumps(record))
        world.has("containers", f"k sha256:o created {world.folder}/theirs")
        assert take().elsewhere == {image}

    def test_a_container_that_cannot_be_asked_is_not_passed_over(self, world: World) -> None:
        """A list without it would let go what it uses."""
        world.has("containers", "c1-vanishes sha256:live running -", "c1 sha256:old running -")
        (world.folder / "docker").write_text(DOCKER.replace('"^$id "', '"^$id running"'))
        assert world.program("inventory", {}).text("fail-kind") == "docker"
