"""`deployctl plan` only looks; and which tree a revision stands for."""

from collections.abc import Callable

from .client import Client, git
from .expect import assert_refused, assert_untouched
from .server import Before, Server

HOTFIX = "d73cfb1"
EVERYTHING = r"""
for folder in /opt/techno-os /var/lib/deployctl /etc; do
  find $folder -xdev -type f -exec sha256sum {} + 2>/dev/null
done
find /opt/techno-os -printf '%p %m %u %g %T@\n'
# docker keeps notes of its own in .docker
find /home -path '*/.docker' -prune -o -printf '%p %m %u %g\n'
find /tmp -user deploy
docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.State}} {{.Image}}'
docker inspect --format '{{.State.StartedAt}}' techno-os-api techno-os-db
docker image ls --no-trunc -a --format '{{.ID}} {{.Repository}}:{{.Tag}}'
docker volume ls; docker network ls
"""


def contents(server: Server) -> set[str]:
    """All files' bytes and times, and all that Docker has."""
    return set(server.sh(EVERYTHING).splitlines())


def test_a_plan_touches_nothing(server: Server, before: Before, client: Client) -> None:
    all_of_it = contents(server)
    done = client.run("plan", "--sha", HOTFIX, "--output", "json")
    assert done.code == 0, done.explained
    assert done.document["result"] == "planned"
    assert contents(server) ^ all_of_it == set()
    assert_untouched(server, before)


def test_a_plan_says_what_would_happen(server: Server, client: Client) -> None:
    done = client.run("plan", "--sha", HOTFIX)
    assert done.code == 0, done.explained
    text = done.stdout + done.stderr
    assert "-    image: techno-os-api:86ad4ff" in text
    assert f"+    image: techno-os-api:{HOTFIX}" in text
    for word in ("health", "metrics", "prometheus", "brings back"):
        assert word in text.lower()


def test_the_same_plan_twice_has_the_same_digest(server: Server, client: Client) -> None:
    """It covers decisions and identities, never times or observations."""
    first = client.run("plan", "--sha", HOTFIX, "--output", "json").document
    second = client.run("plan", "--sha", HOTFIX, "--output", "json").document
    assert first["planDigest"] == second["planDigest"]
    other = client.run("plan", "--sha", "next", "--output", "json").document
    assert other["planDigest"] != first["planDigest"]


def test_looking_commands_touch_nothing(server: Server, before: Before, client: Client) -> None:
    all_of_it = contents(server)
    for words in (["status"], ["history"], ["logs"], ["status", "--output", "json"]):
        assert client.run(*words).code == 0, words
    assert contents(server) ^ all_of_it == set()


def test_doctor_finds_nothing_wrong_with_a_fresh_host(server: Server, client: Client) -> None:
    done = client.run("doctor", "--output", "json")
    assert done.code == 0, done.explained
    assert "problem" not in {check["state"] for check in done.document["checks"]}


def test_a_commit_that_nobody_knows(server: Server, before: Before, client: Client) -> None:
    done = client.hotfix("deadbeef")
    assert_refused(done, 23, "deadbeef")
    assert_untouched(server, before)


def test_a_shallow_clone_that_lacks_the_commit_says_how_to_get_it(
    server: Server, before: Before, client: Client
) -> None:
    clone = client.clone()
    shallow = client.folder / "shallow"
    git(client.folder, "clone", "--quiet", "--depth", "1", f"file://{clone}", str(shallow))
    client.config.write_text(client.config.read_text().replace(str(clone), str(shallow)))
    parent = git(clone, "rev-parse", "main").strip()
    done = client.hotfix(parent)
    assert_refused(done, 23)
    assert "git fetch" in done.document["nextStep"]
    assert_untouched(server, before)


def test_a_dirty_tree_works_warns_and_ships_the_commit(server: Server, client: Client) -> None:
    clone = client.clone()
    git(clone, "checkout", "--quiet", "stage/f9.8-observability")
    (clone / "app" / "main.py").write_text("this is no Python\n")
    done = client.hotfix(HOTFIX)
    assert done.code == 0, done.explained
    assert "uncommitted" in done.stderr or "changes" in done.stderr
    assert server.get("/metrics")[0] == 200


def test_the_same_commit_from_any_checkout_is_the_same_source(
    server: Server, make_client: Callable[..., Client]
) -> None:
    first = make_client()
    digest = first.run("plan", "--sha", HOTFIX, "--output", "json").document["release"][
        "sourceDigest"
    ]
    second = make_client()
    second.clone()
    again = second.run("plan", "--sha", "stage/f9.8-observability", "--output", "json").document
    assert again["release"]["sourceDigest"] == digest


def test_a_hotfix_of_one_character_is_what_runs(server: Server, client: Client) -> None:
    """Same names, same sizes: only the content differs, and only the content counts."""
    source = git(client.clone(), "show", f"{HOTFIX}:app/main.py")
    for number in ("1", "2"):
        probe = f'\n\n@app.get("/number")\ndef number():\n    return {{"number": {number}}}\n'
        done = client.hotfix(client.commit({"app/main.py": source + probe}))
        assert done.code == 0, done.explained
        assert server.get("/number") == (200, f'{{"number":{number}}}')
