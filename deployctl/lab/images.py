"""The images that a lab needs: pulled where a registry answers, else made from packages."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deployctl.lab.docker import LABEL, LabError, docker, run, succeeds

HERE = Path(__file__).resolve().parent
NAMESPACE = "deployctl-lab"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PULL_SECONDS = 300
_BUILD_SECONDS = 900

Say = Callable[[str], None]


@dataclass(frozen=True)
class BaseImage:
    """An image of the public registry, and the folder that can make a stand-in for it."""

    name: str
    stand_in: str


INNER = (
    BaseImage("python:3.11-slim", "python"),
    BaseImage("postgres:15-alpine", "postgres"),
    BaseImage("haproxy:2.6", "haproxy"),
)
"""The images that are on each host from the start."""


@dataclass(frozen=True)
class Available:
    """An image in the engine of this machine."""

    name: str
    reference: str
    pulled: bool


def registry_answers() -> bool:
    """Whether the public registry can be reached: asked with the smallest image needed."""
    return succeeds("pull", "--quiet", "debian:trixie-slim", timeout=_PULL_SECONDS)


def host_base(pulled: bool) -> str:
    """The image that hosts are built on."""
    return "debian:trixie-slim" if pulled else _distribution("trixie")


def inner_images(pulled: bool, say: Say) -> list[Available]:
    """Pull, or make, the images that each host has from the start."""
    if pulled:
        for image in INNER:
            say(f"pulling {image.name}")
            docker(
                "pull", "--quiet", image.name, doing=f"Pulling {image.name}", timeout=_PULL_SECONDS
            )
        return [Available(i.name, _trusting(i, i.name), pulled=True) for i in INNER]
    base = _distribution("bookworm")

    def make(image: BaseImage) -> Available:
        reference = f"{NAMESPACE}/{image.stand_in}:stand-in"
        say(f"making a stand-in for {image.name} from packages")
        build(HERE / "images" / image.stand_in, reference, {"BASE": base})
        return Available(image.name, _trusting(image, reference), pulled=False)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, INNER))


def build(
    context: Path, reference: str, arguments: dict[str, str], *, dockerfile: str = "Dockerfile"
) -> None:
    """`docker build`, with the proxy settings of this machine."""
    proxies = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    known = {name: os.environ[name] for name in proxies if name in os.environ}
    words = [
        w for name, value in (arguments | known).items() for w in ("--build-arg", f"{name}={value}")
    ]
    docker(
        "build", "--quiet", "--label", f"{LABEL}.image=1", "--tag", reference,
        "--file", str(context / dockerfile), *words, str(context),
        doing=f"Building {reference}", timeout=_BUILD_SECONDS,
    )  # fmt: skip


def _distribution(suite: str) -> str:
    """A Debian root file system made from packages, as an image."""
    reference = f"{NAMESPACE}/debian:{suite}"
    if succeeds("image", "inspect", reference):
        return reference
    if not shutil.which("mmdebstrap"):
        raise LabError(
            "No image registry answers, and images can't be made from packages without mmdebstrap.",
            next_step="On Debian or Ubuntu: sudo apt-get install mmdebstrap debian-archive-keyring",
        )
    with tempfile.TemporaryDirectory(prefix=NAMESPACE) as folder:
        archive = Path(folder) / "root.tar"
        trust = f'[ ! -f {CA_BUNDLE} ] || cp -L {CA_BUNDLE} "$1{CA_BUNDLE}"'
        run(
            [
                "mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates",
                '--aptopt=APT::Install-Recommends "false"',
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                f"--customize-hook={trust}",
                suite, str(archive), debian_archive(),
            ],
            doing=f"Making Debian {suite} from packages",
            timeout=_BUILD_SECONDS,
        )  # fmt: skip
        docker(
            "import", "--change", f"LABEL {LABEL}.image=1", str(archive), reference,
            doing=f"Importing {reference}", timeout=120,
        )  # fmt: skip
    return reference


def debian_archive() -> str:
    """The address of the Debian archive, from this machine's own apt configuration."""
    chosen = os.environ.get("DEPLOYCTL_LAB_ARCHIVE")
    if chosen:
        return chosen
    listing = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
         "Created-By: Packages"],
        doing="Asking apt for its archives", timeout=30,
    )  # fmt: skip
    address = debian_address(listing.splitlines())
    if address is None:
        raise LabError(
            "No image registry answers, and this machine's apt knows no Debian archive.",
            next_step="Give its address: DEPLOYCTL_LAB_ARCHIVE=http://… deployctl lab up",
        )
    return address


def debian_address(lines: Sequence[str]) -> str | None:
    """The first main Debian archive among apt's `URI RELEASE COMPONENT` lines."""
    suites = {"bullseye", "bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable"}
    for line in lines:
        uri, release, component = [*line.split(), "", "", ""][:3]
        if release in suites and component == "main" and re.search(r"/debian/?$", uri):
            return uri
    return None


def _trusting(image: BaseImage, reference: str) -> str:
    """The image with this machine's certificates and pip settings, if it fetches packages."""
    configuration = pip_configuration()
    if image.stand_in != "python" or not configuration:
        return reference
    adapted = f"{NAMESPACE}/{image.stand_in}:adapted"
    with tempfile.TemporaryDirectory(prefix=NAMESPACE) as folder:
        context = Path(folder)
        shutil.copy(HERE / "images" / "Dockerfile.trust", context / "Dockerfile")
        (context / "ca-certificates.crt").write_bytes(_certificates().read_bytes())
        (context / "pip.conf").write_text(configuration)
        build(context, adapted, {"BASE": reference})
    return adapted


def _certificates() -> Path:
    """The certificate bundle that this machine's tools are told to use, else the system's."""
    for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        path = Path(os.environ.get(name, ""))
        if path.is_file():
            return path
    return CA_BUNDLE


def pip_configuration() -> str:
    """The part of this machine's pip settings that holds inside a build; often empty."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return translate_pip_settings(listed.stdout, certificates=_certificates().is_file())


def translate_pip_settings(listing: str, *, certificates: bool) -> str:
    """Turn `pip config list` into a pip.conf for an image: no paths of this machine."""
    kept: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, quoted = line.partition("=")
        name, value = key.split(".")[-1], quoted.strip("'\"")
        if name in {"index-url", "extra-index-url"}:
            value = " ".join(url for url in value.split() if not url.startswith("file:"))
        elif name == "cert" and certificates:
            value = str(CA_BUNDLE)
        elif name not in {"trusted-host", "default-timeout", "timeout"}:
            continue
        if value:
            kept[name] = value
    return "".join(["[global]\n", *(f"{k} = {v}\n" for k, v in kept.items())]) if kept else ""
