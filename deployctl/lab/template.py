"""A host with the first release running, prepared once and then copied for every lab.

It is an image (the host's root file system) and a volume (its Docker data), both named after a
digest of everything they are made from.
"""

import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jinja2

from deployctl import __version__
from deployctl.data import data_path
from deployctl.lab import images, machine, sample
from deployctl.lab.changes import FIRST_RELEASE
from deployctl.lab.docker import LABEL, PREFIX, LabError, docker, listing, succeeds, tail
from deployctl.lab.images import HERE, NAMESPACE, Available, Say
from deployctl.lab.state import IMAGE, PROJECT, HostRecord

_ENVIRONMENT = f"""\
# the settings of {PROJECT} in production
POSTGRES_USER=techno_user
POSTGRES_PASSWORD=lab-only-Xk4TqWz81pLm
POSTGRES_DB=techno
DB_USER=techno_user
DATABASE_URL=postgresql://techno_user:lab-only-Xk4TqWz81pLm@postgres:5432/techno
SESSION_SECRET=lab-only-7d1f0b6c2e9a4853
LOG_LEVEL=info
"""
_FAST = {
    "postgres_interval": "5s",
    "api_interval": "2s",
    "api_start_period": "4s",
    "start_interval": "500ms",
}
_BUILD = "/tmp/build"  # noqa: S108 - on the host, which nobody shares
_INSTALL = 'umask "$1"; cat > "$2"; chown "$3" "$2"; chmod "$4" "$2"'


@dataclass(frozen=True)
class Template:
    """The prepared image and volume."""

    digest: str

    @property
    def image(self) -> str:
        """The root file system of a host with the first release."""
        return f"{NAMESPACE}/host:{self.digest}"

    @property
    def volume(self) -> str:
        """Its Docker data: images, build cache, the stopped containers and their volumes."""
        return f"{PREFIX}template-{self.digest}"

    def ready(self) -> bool:
        """Whether it has been prepared: the image is made last."""
        return succeeds("image", "inspect", self.image) and succeeds(
            "volume", "inspect", self.volume
        )

    def bases(self) -> str:
        """Which base images it holds, and whether they were pulled or made."""
        wanted = f'--format={{{{index .Config.Labels "{LABEL}.bases"}}}}'
        return docker("image", "inspect", wanted, self.image, doing="Reading the template").strip()


def compose_text(image: str) -> str:
    """The production compose file with that image, its health checks quickened for the lab."""
    template = data_path("compose-templates", "production.yml.j2").read_text()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - YAML
    return environment.from_string(template).render(project=PROJECT, image=image, **_FAST) + "\n"


def current() -> Template:
    """The template of this version of the lab, prepared or not."""
    digest = hashlib.sha256(__version__.encode())
    for folder in ("vps", "images", "sample-app"):
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes())
    digest.update((compose_text("") + _ENVIRONMENT).encode())
    return Template(digest.hexdigest()[:12])


def prepare(say: Say) -> Template:
    """Build what isn't there yet; nothing to do most of the time."""
    template = current()
    if template.ready():
        return template
    say("preparing the lab's images: once, about three minutes")
    pulled = images.registry_answers()
    base = images.host_base(pulled)
    say("building the host: sshd, Docker, Prometheus")
    host_image = f"{NAMESPACE}/bare-host:{template.digest}"
    images.build(HERE / "vps", host_image, {"BASE": base})
    inner = images.inner_images(pulled, say)
    say("installing the first release on it")
    _install(template, host_image, inner)
    _remove_older(template)
    return template


def remove_all() -> None:
    """Remove every template and every image that the lab made."""
    for volume in listing("volume", "ls", "--quiet", f"--filter=label={LABEL}=template"):
        docker("volume", "rm", "--force", volume, doing=f"Removing {volume}")
    references = listing(
        "image", "ls", f"--filter=reference={NAMESPACE}/*", "--format={{.Repository}}:{{.Tag}}"
    )
    if references:
        docker("image", "rm", "--force", *references, doing="Removing images", timeout=180)


def _remove_older(template: Template) -> None:
    """Remove what earlier versions prepared, as far as no host uses it."""
    for volume in listing("volume", "ls", "--quiet", f"--filter=label={LABEL}=template"):
        if volume != template.volume:
            succeeds("volume", "rm", volume)
    for name in ("host", "bare-host"):
        filters = f"--filter=reference={NAMESPACE}/{name}"
        for tag in listing("image", "ls", filters, "--format={{.Tag}}"):
            if tag != template.digest:
                succeeds("image", "rm", f"{NAMESPACE}/{name}:{tag}")


def _install(template: Template, host_image: str, inner: list[Available]) -> None:
    """Boot a bare host, deploy the first release on it by hand, shut it down and keep it."""
    container = template.volume
    host = machine.Host(HostRecord(1, "the template", container, port=0))
    discard(container)
    try:
        machine.create(container, lab="template", image=host_image)
        host.start()
        _load(host, inner)
        _deploy(host)
        host.must(["/usr/local/lib/lab/reset.sh", "record"])
        host.sh("service prometheus stop; find /var/lib/prometheus -mindepth 2 -delete")
        host.sh("rm -f /etc/ssh/ssh_host_*")
        host.stop()
        bases = ", ".join(f"{i.name} ({'pulled' if i.pulled else 'made here'})" for i in inner)
        docker(
            "commit", f"--change=LABEL {LABEL}.image=1", f'--change=LABEL {LABEL}.bases="{bases}"',
            container, template.image, doing="Keeping the host's image",
        )  # fmt: skip
    except BaseException:
        discard(container)
        raise
    docker("rm", "--force", container, doing="Removing the template's container")


def discard(host: str) -> None:
    """Remove a host and its volume, which have the same name."""
    succeeds("rm", "--force", host)
    succeeds("volume", "rm", "--force", host)


def _load(host: machine.Host, inner: list[Available]) -> None:
    """Copy images from this machine's engine into the host's, under their public names."""
    references = [image.reference for image in inner]
    with subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE) as save:
        load = subprocess.run(
            ["docker", "exec", "--interactive", host.container, "docker", "load", "--quiet"],
            stdin=save.stdout, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
    if save.returncode != 0 or load.returncode != 0:
        raise LabError(
            "Copying the base images to the host failed.", detail=tail(load.stdout, load.stderr)
        )
    for image in inner:
        if image.reference != image.name:
            host.must(["docker", "tag", image.reference, image.name])
            host.must(["docker", "rmi", image.reference])


def _deploy(host: machine.Host) -> None:
    """The first release, as the people of the report would have deployed it."""
    with tempfile.TemporaryDirectory(prefix=NAMESPACE) as folder:
        repository = Path(folder) / PROJECT
        sample.create(repository)
        sha = sample.revision(repository, FIRST_RELEASE)
        sources = sample.archive(repository, FIRST_RELEASE)
    tag = f"{IMAGE}:{sha[:7]}"
    host.must(["sh", "-c", f"mkdir -p {_BUILD} && tar -x -C {_BUILD}"], stdin=sources)
    host.must(
        ["docker", "build", "--quiet", f"--tag={tag}", f"--build-arg=GIT_SHA={sha}", _BUILD],
        timeout=600,
    )
    development = sample.first_tree()["docker-compose.yml"]
    for path, content, owner, mode in (
        (machine.COMPOSE_FILE, compose_text(tag).encode(), "deploy:techno", "664"),
        (f"{machine.COMPOSE_DIR}/docker-compose.yml", development, "deploy:techno", "664"),
        (machine.ENV_FILE, _ENVIRONMENT.encode(), "deploy:deploy", "600"),
    ):
        host.must(["sh", "-c", _INSTALL, "install", "077", path, owner, mode], stdin=content)
    host.serve()
