"""What to tell a person when a program that only looks gives up."""

from collections.abc import Iterator
from contextlib import contextmanager

from deployctl.errors import TOUCHED_NOTHING, UNTOUCHED, RefusedError
from deployctl.host.failures import ProgramFailed

DOCKER_DOWN = f"{TOUCHED_NOTHING} Docker does not answer on the host: the services may be down."
DOCKER_NEXT = "See what became of it on the host: systemctl status docker; journalctl -u docker"

# kind -> (what happened, what to do); {message} is the program's, {label} is user@host:port.
SENTENCES = {
    "missing-tools": (
        "{label} lacks programs that a rollout needs: {message}.",
        "Install them on the host (BusyBox's are enough), then run the command again.",
    ),
    "podman": (
        "`docker` on {label} is Podman's emulation ({message}), which lacks what a rollout needs.",
        (
            "Install Docker with Compose v2 on the host, or name a real engine by `docker:` or "
            "`docker_host:` for this target."
        ),
    ),
    "no-compose": (
        "There is no Docker Compose v2 on {label}: `docker compose` does not answer{older}.",
        "Install the docker-compose-plugin package on the host; Compose v1 is not supported.",
    ),
    "docker-denied": (
        "The user at {label} can't reach Docker, by `docker` or by `sudo -n docker`: {message}",
        (
            "Add the user to the docker group, or allow `docker` in sudoers without a password; or "
            "set `docker:` for this target."
        ),
    ),
    "docker-down": (
        "Docker does not answer on {label}: {message}",
        DOCKER_NEXT,
    ),
    "many-projects": (
        "Containers of this service run in several Compose projects: {message}.",
        "Set `compose.project` in deployctl.yml.",
    ),
    "odd-project": (
        "A container of this service says on {label} that its Compose project is {message!r}.",
        (
            "No project can be called that: see who gave it the label com.docker.compose.project, "
            "or set `compose.project` in deployctl.yml."
        ),
    ),
    "no-container": (
        (
            "No container of the service {message} exists on {label}, so its Compose files "
            "can't be found from it."
        ),
        (
            "Check `services:`. Where its containers were removed, and for a very first start, "
            "set `compose.files` (and `compose.project`) in deployctl.yml."
        ),
    ),
    "env-file-missing": (
        (
            "The environment file {message}, with which the running containers were started, does "
            "not exist on the host."
        ),
        "Put it back, then run the command again.",
    ),
    "compose-file-missing": (
        (
            "The Compose file {message} does not exist on {label}. The containers may have been "
            "started from another machine."
        ),
        "Set `compose.files` to the file on the host.",
    ),
    "compose-file-gone": (
        (
            "The Compose file {message} is gone from {label}: it was there at the last rollout, "
            "which was made with it."
        ),
        (
            "Put it back: the runs in the state directory on the host keep each Compose file that "
            "they changed (runs/*/edit.N.after)."
        ),
    ),
    "compose-file-unreadable": (
        "The Compose file {message} can't be read by the user at {label}.",
        "Give this user read access to it.",
    ),
    "no-project": (
        "Compose can't name the project of {message}.",
        "Set `compose.project` in deployctl.yml.",
    ),
    "no-shell": (
        "{label} lets us in, but its login shell does not run commands: {message}.",
        (
            "Give the user a login shell on the host (usermod --shell /bin/sh USER), and no "
            "ForceCommand, `command=` or sftp-only rule that takes the shell's place."
        ),
    ),
    "no-session": (
        "{message}.",
        (
            "Raise MaxSessions in /etc/ssh/sshd_config on the host (its default is 10), then "
            "reload sshd."
        ),
    ),
    "no-space": ("There is no space left on {label} at {message}.", "Free some: df -h {message}"),
    "unscrubbed": (
        (
            "On {label}, {message} can't be shown: what is secret in it can't be told from what "
            "isn't."
        ),
        (
            "Look there: does `docker inspect` answer, and is there room for small files (df -h "
            "/tmp)?"
        ),
    ),
    "swarm-managed": (
        "The service {message} on {label} is run by Docker Swarm, not by Compose.",
        "Swarm services aren't supported in this version.",
    ),
    "two-states": (
        "There are two state directories for this project on {label}: {message}.",
        "Set `state_dir` to the one that holds the releases, and remove the other.",
    ),
    "state-denied": (
        "The state directory {message} on {label} can't be used by this user.",
        (
            "If several people deploy, set `operators_group` and `state_dir` for this target, and "
            "let that group own the directory."
        ),
    ),
    "state-open": (
        (
            "The state directory {message} on {label} belongs to somebody else, or is open to "
            "others: whoever may write there could run commands as this user."
        ),
        (
            "See who made it (ls -ld {message}), then give it to this user, or to the operators' "
            "group, and close it to all others: chmod o= {message}; or name another by `state_dir`."
        ),
    ),
    "state-group": (
        "The operators' group {message} does not exist on {label}, or this user isn't in it.",
        "Create the group and add the user, or correct `operators_group`.",
    ),
}


def refusal(kind: str, message: str, label: str) -> RefusedError:
    what, next_step = SENTENCES.get(
        kind,
        ("The host at {label} did not answer as it should ({kind}): {message}", "deployctl doctor"),
    )
    told = {"kind": kind, "message": ", ".join(message.split("\n")).strip(), "label": label}
    told["older"] = f", only Compose v1 ({told['message']})" if message.strip() else ""
    return RefusedError(
        what.format(**told),
        production=DOCKER_DOWN if kind == "docker-down" else UNTOUCHED,
        next_step=next_step.format(**told),
    )


@contextmanager
def refusing(label: str) -> Iterator[None]:
    """What a program on the host failed with is a refusal: nothing was to be changed."""
    try:
        yield
    except ProgramFailed as failure:
        raise refusal(failure.kind, failure.message, label) from failure
