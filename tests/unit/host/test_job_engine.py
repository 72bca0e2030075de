"""Docker that goes away, hangs or is restarted under the host's job: what the job makes of it.

A script stands for Docker, as nothing else fails so at the very moment: see job_host.
"""

import shutil
from pathlib import Path

import pytest

from .job_host import NEW, OLD, RUN_ID, SHELLS, JobHost

API = f"api 0 c1 {OLD} api:1 pin/api:r0 h running"
AWAY = "Docker does not answer on the host"
ODD = 'Error response from daemon: Get "/images/json": context deadline exceeded'


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> JobHost:
    """With a service that was switched from the old image to the new."""
    if shutil.which(SHELLS[request.param][0]) is None:
        pytest.skip(f"{request.param} is not installed")
    made = JobHost.made(tmp_path, request.param)
    made.plan(API)
    made.is_at("swapped")
    made.has("containers", f"c1 api api {NEW} running False")
    return made


class TestARollback:
    def test_waits_for_a_docker_that_goes_away_in_the_middle_and_ends_well(
        self, host: JobHost
    ) -> None:
        host.instead("*' up '*", "[ -e went ] || { echo 3 >went; cp went away; exit 1; }")
        host.does("go_back 'the gates failed'")
        assert host.state == "rolled_back the gates failed"
        assert len(host.ups()) == 2

    def test_waits_no_longer_than_its_patience_and_is_no_rollback_then(self, host: JobHost) -> None:
        host.instead("*' up '*", "echo 9999 >away; exit 1")
        host.does("PATIENCE=1; go_back 'the gates failed'")
        assert host.state == "rollback_failed the gates failed"
        assert f"engine: {AWAY}" in host.said("failed")
        assert len(host.ups()) == 1, "nobody orders anything of a Docker that isn't there"

    def test_begins_nothing_without_a_docker(self, host: JobHost) -> None:
        host.has("away", "9999")
        host.does("PATIENCE=0; go_back 'the gates failed'")
        assert host.state == "rollback_failed the gates failed"
        assert host.said("failed") == [f"engine: {AWAY}"]
        assert host.ups() == []

    def test_waits_for_a_docker_that_goes_away_also_for_a_service_that_was_absent(
        self, host: JobHost
    ) -> None:
        host.plan("db 0 - - - - - absent")
        host.is_at("swapped")
        host.has("containers", "c9 db db sha256:db running False")
        host.instead("*' rm -sf '*", "[ -e went ] || { echo 3 >went; cp went away; exit 1; }")
        host.does("go_back 'the gates failed'")
        assert host.state == "rolled_back the gates failed"

    def test_removes_what_took_the_place_of_a_service_that_was_down_without_its_image(
        self, host: JobHost
    ) -> None:
        host.plan("db 0 c8 - - - h absent")
        host.is_at("swapped")
        host.has("containers", "c9 db db sha256:db running False")
        host.does("go_back 'the gates failed'")
        assert host.state == "rolled_back the gates failed"
        assert any(" rm -sf db" in line for line in host.asked)

    def test_says_why_a_service_that_was_absent_could_not_be_removed(self, host: JobHost) -> None:
        host.plan("db 0 - - - - - absent")
        host.is_at("swapped")
        host.instead("*' rm -sf '*", "echo 'removal is in progress'; exit 1")
        host.does("go_back 'the gates failed'")
        assert host.state == "rollback_failed the gates failed"
        assert host.said("failed")

    def test_is_not_held_up_by_a_compose_that_hangs(self, host: JobHost) -> None:
        """It is asked what a file names that somebody has edited meanwhile."""
        file = host.folder / "compose.yml"
        host.plan(API, edits=(f"1 b a api:1 api:2 {file} {file} b",))
        file.write_text("services: {api: {image: 'other:3'}}\n")
        (host.run / "edit.1.before").write_text("services: {api: {image: 'api:1'}}\n")
        (host.run / "edit.1.after").write_text("services: {api: {image: 'api:2'}}\n")
        host.is_at("swapped")
        host.instead("*'config --images'*", "exec /bin/sleep 45")
        host.does("LIMIT=timeout${NL}1; go_back x")
        assert host.state == "rollback_failed x"


class TestAnImageOfAfter:
    """Before arming."""

    def arm(self, host: JobHost, answer: str) -> list[str]:
        file = host.folder / "compose.yml"
        file.write_text("x")
        sha = host.does(f"sha_of {file}").stdout.strip()
        host.plan(edits=(f"1 {sha} after api:1 api:2 {file} {file} {sha}",))
        host.is_at("prepared")
        host.instead("'image inspect'*", f"echo '{answer}' >&2; exit 1")
        host.does("asked=$(uptime_s); obey arm arm")
        return host.said("refused")

    def test_that_docker_says_is_not_there_is_refused_as_that(self, host: JobHost) -> None:
        assert self.arm(host, "Error: No such image: api:2") == ["image: api:2"]

    def test_of_which_docker_says_something_else_is_not(self, host: JobHost) -> None:
        told = "engine: Docker does not say whether the image api:2 is there"
        assert self.arm(host, "context deadline exceeded") == [told]

    @pytest.mark.parametrize(
        ("there", "state"),
        [
            ((OLD, NEW, "api:1", "api:2"), "confirmed"),
            ((OLD, NEW, "api:1"), "rolled_back its image was removed before it was confirmed"),
        ],
    )
    def test_that_was_removed_since_makes_no_release(
        self, host: JobHost, there: tuple[str, ...], state: str
    ) -> None:
        """The container may run without it, and can never be started again."""
        file = host.folder / "compose.yml"
        file.write_text("x")
        sha = host.does(f"sha_of {file}").stdout.strip()
        (host.run / "edit.1.before").write_text("x")
        host.plan(API, edits=(f"1 {sha} after api:1 api:2 {file} {file} {sha}",))
        host.has("images", *there)
        host.does(
            'echo "$(($(uptime_s) + 60)) $(boot_id)" >"$RUN/deadline"; BY=ana; LIVE_AFTER=r1'
            f"; confirm {RUN_ID}"
        )
        assert host.state == state

    def test_of_which_docker_says_something_else_at_its_confirmation_is_not_told_as_removed(
        self, host: JobHost
    ) -> None:
        file = host.folder / "compose.yml"
        file.write_text("x")
        sha = host.does(f"sha_of {file}").stdout.strip()
        (host.run / "edit.1.before").write_text("x")
        host.plan(API, edits=(f"1 {sha} after api:1 api:2 {file} {file} {sha}",))
        host.instead("'image inspect'*api:2", f"echo '{ODD}' >&2; exit 1")
        host.does(
            'echo "$(($(uptime_s) + 60)) $(boot_id)" >"$RUN/deadline"; BY=ana; LIVE_AFTER=r1'
            f"; confirm {RUN_ID}"
        )
        assert host.state.startswith("rolled_back Docker did not say whether its image")


class TestAnImageOfBefore:
    def test_that_docker_says_is_not_there_is_gone(self, host: JobHost) -> None:
        host.has("images", NEW)
        host.does("go_back 'the gates failed'")
        assert host.state == "kept the image that ran before is gone"
        assert host.ups() == []

    def test_of_which_docker_says_something_else_is_not(self, host: JobHost) -> None:
        host.instead("'image inspect'*", f"echo '{ODD}' >&2; exit 1")
        host.does("go_back 'the gates failed'")
        assert host.state == "rollback_failed the gates failed"
        assert host.said("failed") == [
            f"engine: Docker does not say whether the image {OLD} is there"
        ]
        assert host.ups() == []

    def test_is_asked_after_again(self, host: JobHost) -> None:
        host.instead(
            "'image inspect'*", f"[ -e again ] || {{ : >again; echo '{ODD}' >&2; exit 1; }}"
        )
        host.does("go_back 'the gates failed'")
        assert host.state == "rolled_back the gates failed"

    def test_after_which_docker_hangs_is_not_gone(self, host: JobHost) -> None:
        """The job's limit is a minute: `timeout` makes an instant of that."""
        real = shutil.which("timeout")
        if real is None:
            pytest.skip("without `timeout` there is no limit")
        host.tool(
            "timeout", f'case $* in *hangs*) shift; set -- 0.2 "$@" ;; esac; exec {real} "$@"'
        )
        host.instead("'image inspect'*hangs", "exec /bin/sleep 60")
        done = host.does("image_there sha256:hangs; echo $?")
        assert done.stdout == "2\n"
        assert len([line for line in host.asked if line.startswith("image inspect")]) == 3


def test_containers_that_docker_hangs_on_are_told_of_as_none(host: JobHost) -> None:
    real = shutil.which("timeout")
    if real is None:
        pytest.skip("without `timeout` there is no limit")
    host.tool("timeout", f'case $* in *Status*) shift; set -- 0.2 "$@" ;; esac; exec {real} "$@"')
    host.instead("'inspect --type container'*", "exec /bin/sleep 60")
    assert host.does("images_of api").stdout == ""


class TestALimit:
    def test_that_passes_is_told_apart(self, host: JobHost) -> None:
        done = host.does("limited 1 /bin/sleep 5; echo $?")
        assert done.stdout == "124\n"

    def test_holds_for_a_command_that_ends_well_when_it_is_asked_to_end(
        self, host: JobHost
    ) -> None:
        nap = "n=0; while [ $n -lt 50 ]; do /bin/sleep 0.1; n=$((n + 1)); done"
        host.tool("slow", f'trap "exit 0" TERM; {nap}')
        done = host.does("if limited 1 slow; then echo done; else echo $?; fi")
        assert done.stdout == "124\n"


class TestWhatARestartLeftDown:
    """Docker is another one than when the run began, and has started nothing."""

    @pytest.fixture(autouse=True)
    def project(self, host: JobHost) -> None:
        host.has(
            "containers",
            f"c3 shop-api-run-0a api {OLD} running True",
            f"c2 api api {OLD} running False",
            "c1 db db sha256:db running False",
            "c0 old old sha256:db exited False",
        )

    def restarted(self, host: JobHost, then: str) -> list[str]:
        host.does(
            f'rm "$RUN/engine"; note_running; echo another >"$RUN/engine"\n'
            f"sed -i 's/ running / exited /' {host.folder}/containers\n{then}"
        )
        return [line for line in host.asked if line.startswith("start ")]

    def test_is_started_the_oldest_first(self, host: JobHost) -> None:
        host.plan()
        assert self.restarted(host, "wake") == ["start c1", "start c2"]

    def test_is_started_though_docker_was_on_its_way_down_when_the_run_began(
        self, host: JobHost
    ) -> None:
        """It had stopped the service by then, but it ran when the plan was made."""
        host.has("containers", f"c2 api api {OLD} exited False", "c1 db db sha256:db running False")
        host.plan(running=("c1", "c2"))
        assert self.restarted(host, "wake") == ["start c1", "start c2"]

    def test_is_started_though_docker_was_another_one_before_the_run_began(
        self, host: JobHost
    ) -> None:
        host.plan(running=("c1", "c2"))
        settings = host.run / "settings"
        settings.write_text(settings.read_text().replace(host.engine, "an earlier one"))
        host.has("containers", f"c2 api api {OLD} exited False", "c1 db db sha256:db exited False")
        host.does('rm "$RUN/engine"; note_running; wake')
        assert [line for line in host.asked if line.startswith("start ")] == [
            "start c1", "start c2",
        ]  # fmt: skip

    def test_is_not_when_it_was_a_one_off(self, host: JobHost) -> None:
        """`docker compose run`: what it was for may be done, or wrong to do twice."""
        assert "start c3" not in self.restarted(host, "wake")

    def test_or_was_down_before(self, host: JobHost) -> None:
        assert "start c0" not in self.restarted(host, "wake")

    def test_nor_is_a_service_that_is_put_in_place_otherwise(self, host: JobHost) -> None:
        host.plan(API.replace("c1", "c2"))
        assert self.restarted(host, "wake beside") == ["start c1"]

    def test_comes_back_whole_where_the_file_was_never_swapped(self, host: JobHost) -> None:
        """Of a broken file the bytes of before are a reconstruction, which nothing ran by."""
        file = host.folder / "compose.yml"
        file.write_text("services: [broken")
        found = sha_of(host, file)
        host.plan(
            API.replace("c1", "c2"), edits=(f"1 rebuilt after api:1 api:2 {file} {file} {found}",)
        )
        started = self.restarted(host, "go_back 'the client went away'")
        assert host.state == "rolled_back the client went away"
        assert started == ["start c1", "start c2"]
        assert host.ups() == [], "by the broken file nothing can be put in place"
        assert file.read_text() == "services: [broken"


def sha_of(host: JobHost, file: Path) -> str:
    return host.does(f"sha_of {file}").stdout.strip()


class TestAStart:
    @pytest.fixture(autouse=True)
    def switching(self, host: JobHost) -> None:
        host.has("up-image", NEW)

    def start(self, host: JobHost) -> str:
        return host.does("if start_services any; then echo started; else echo failed; fi").stdout

    def test_that_failed_as_docker_was_restarted_is_tried_again(self, host: JobHost) -> None:
        host.instead(
            "*' up '*", f"[ -e went ] || {{ echo other | tee went >{host.run}/engine; exit 1; }}"
        )
        assert self.start(host) == "started\n"
        assert len(host.ups()) == 2

    def test_once(self, host: JobHost) -> None:
        host.instead("*' up '*", f"echo other >{host.run}/engine; exit 1")
        assert self.start(host) == "failed\n"
        assert len(host.ups()) == 2

    def test_that_failed_for_another_reason_is_not(self, host: JobHost) -> None:
        host.instead("*' up '*", "echo 'no such port'; exit 1")
        assert self.start(host) == "failed\n"
        assert len(host.ups()) == 1
        assert host.said("failed") == ["up: api: no such port "]

    def test_of_which_compose_says_nothing(self, host: JobHost) -> None:
        host.instead("*' up '*", "exit 1")
        self.start(host)
        assert host.said("failed") == ["up: api: Compose said nothing of it"]

    def test_of_which_nothing_can_be_told_without_docker(self, host: JobHost) -> None:
        """Only Docker knows which of Compose's words are secret."""
        host.instead("*' up '*", "echo 'token s3cret-s3cret'; echo 9999 >away; exit 1")
        host.does("PATIENCE=0; start_services any")
        assert "up: api: Docker went away meanwhile" in host.said("failed")
        assert "s3cret" not in (host.run / "log").read_text()


class TestAContainerUnderAHashedName:
    """Compose makes one so, removes the old one, and only then gives it its name."""

    HALF = "0123456789ab_api"

    @pytest.fixture(autouse=True)
    def cut_off(self, host: JobHost) -> None:
        (host.run / "up.api").touch()

    def names(self, host: JobHost) -> list[str]:
        host.does("up api 0")
        return [line.split()[1] for line in (host.folder / "containers").read_text().splitlines()]

    def test_that_runs_gets_its_name_and_stays(self, host: JobHost) -> None:
        host.has("containers", f"c2 {self.HALF} api {NEW} running False")
        assert self.names(host) == ["api"]
        assert host.ups() == ["--no-build --pull never -d api"]

    @pytest.mark.parametrize("state", ["created", "exited"])
    def test_that_does_not_run_gets_its_name_and_is_made_anew(
        self, host: JobHost, state: str
    ) -> None:
        host.has("containers", f"c2 {self.HALF} api {NEW} {state} False")
        assert self.names(host) == ["api"]
        assert host.ups() == ["--no-build --pull never --force-recreate -d api"]

    def test_goes_where_the_old_one_has_the_name_still(self, host: JobHost) -> None:
        old = f"c1 api api {OLD} running False"
        host.has("containers", f"c2 {self.HALF} api {NEW} created False", old)
        assert self.names(host) == ["api"]
        assert "rm -f c2" in host.asked
        assert host.ups() == ["--no-build --pull never -d api"]

    def test_stays_where_both_run(self, host: JobHost) -> None:
        old = f"c1 api api {OLD} running False"
        host.has("containers", f"c2 {self.HALF} api {NEW} running False", old)
        assert self.names(host) == [self.HALF, "api"]

    def test_is_looked_for_only_after_an_up_that_did_not_end_well(self, host: JobHost) -> None:
        host.does("up api 0; up api 0")
        assert len([line for line in host.asked if line.startswith("ps ")]) == 1
        host.has("asked")
        host.does("up api 0")
        assert [line for line in host.asked if line.startswith("ps ")] == []

    def test_one_that_failed_leaves_its_mark(self, host: JobHost) -> None:
        (host.run / "up.api").unlink()
        host.instead("*' up '*", "exit 1")
        host.does("up api 0")
        assert (host.run / "up.api").exists()


def test_the_secrets_of_a_build_that_a_restart_cut_off_go(host: JobHost) -> None:
    secret = host.state_dir / "upload" / RUN_ID / "secrets" / "1"
    secret.parent.mkdir(parents=True)
    secret.write_text("s3cret")
    another = host.state_dir / "upload" / "another-run"
    another.mkdir()
    host.is_at("prepared")
    host.starts("the host was restarted").wait(20)
    assert host.state == "released the host was restarted"
    assert [path.name for path in (host.state_dir / "upload").iterdir()] == ["another-run"]


def test_a_service_that_is_down_without_its_image_is_the_one_of_the_plan(host: JobHost) -> None:
    host.has("containers", "c1 api api sha256:gone exited False")
    host.plan("api 1 c1 - - - h absent")
    assert host.does("changed_since_plan").stdout == ""
    host.has("containers", "c2 api api sha256:gone exited False")
    assert "has other containers (c2)" in host.does("changed_since_plan").stdout
