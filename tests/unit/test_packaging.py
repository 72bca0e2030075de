"""The wheel carries all that the tool reads at run time, and is built without a network."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import deployctl

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def build(kind: str, source: Path, into: Path) -> Path:
    """Build with what is installed here; nothing is fetched."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", into],
        cwd=source,
        check=True,
        capture_output=True,
    )
    [built] = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    archive = zipfile.ZipFile(wheel)
    [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(archive.read(name).decode())


def tracked(*patterns: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(listed.stdout.split())


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
class TestTheWheel:
    def test_has_every_tracked_file_of_the_package(self, names: set[str]) -> None:
        on_disk = {name for name in tracked("deployctl") if (ROOT / name).exists()}
        assert on_disk - names == set()

    @pytest.mark.parametrize("folder", ["playbooks", "compose-templates"])
    def test_has_the_data_where_the_tool_looks_for_it(self, names: set[str], folder: str) -> None:
        expected = {f"deployctl/data/{name}" for name in tracked(folder)}
        assert expected
        assert expected - names == set()


@pytest.mark.parametrize(
    "name",
    [
        "deployctl/py.typed",
        "deployctl/result.schema.json",
        "deployctl/config/example.yml",
        "deployctl/evidence/report/templates/report.css",
        "deployctl/evidence/report/templates/report.html.j2",
        "deployctl/host/programs/lib.sh",
        "deployctl/host/programs/job.sh",
        "deployctl/lab/sample-app/Dockerfile",
        "deployctl/lab/vps/Dockerfile",
        "deployctl/data/playbooks/hotfix.yml",
        "deployctl/data/playbooks/rollback.yml",
        "deployctl/data/compose-templates/production.yml.j2",
    ],
)
def test_the_wheel_has(names: set[str], name: str) -> None:
    assert name in names


def test_the_wheel_has_nothing_of_the_machine_that_built_it(names: set[str]) -> None:
    strange = re.compile(r"__pycache__|\.pyc$|\.deb$|/\.(?!dockerignore)|^tests/|\.log$")
    assert {name for name in names if strange.search(name)} == set()


def test_the_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The libraries come from this environment; deployctl itself only from the wheel."""
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, tmp_path], check=True)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import deployctl.data\n"
        "from deployctl.rollout.playbook import builtin\n"
        "from deployctl.host.programs import program_text\n"
        "from deployctl.lab import template\n"
        "assert deployctl.__file__.startswith(sys.argv[1]), deployctl.__file__\n"
        "print(builtin('hotfix').name, builtin('rollback').name, len(program_text('job')) > 0)\n"
        "print(template.compose_text('techno-os-api:1').count('techno-os-api:1'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["hotfix", "rollback", "True", "1"], done.stderr


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sources = build("sdist", ROOT, tmp_path / "sdist")
    (tmp_path / "tree").mkdir()
    subprocess.run(["tar", "-xf", sources, "-C", tmp_path / "tree"], check=True)
    [tree] = (tmp_path / "tree").iterdir()
    again = build("wheel", tree, tmp_path / "wheel")
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    return {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()}


class TestTheMetadata:
    def test_names_the_version_of_the_package(self, metadata: Message) -> None:
        assert metadata["Version"] == deployctl.__version__

    def test_shows_the_readme_and_the_licence(self, metadata: Message) -> None:
        assert metadata["Description-Content-Type"] == "text/markdown"
        assert metadata["License-Expression"] == "MIT"

    def test_every_dependency_has_a_lower_bound(self, metadata: Message) -> None:
        assert [need for need in metadata.get_all("Requires-Dist", []) if ">=" not in need] == []


class TestTheLock:
    text = (ROOT / "requirements.lock").read_text()
    entries = tuple(re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:])

    def test_has_every_direct_dependency(self) -> None:
        project = SETTINGS["project"]
        wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
        names = {re.split(r"[<>=!~ \[]", need)[0].lower().replace("_", "-") for need in wanted}
        assert names - {entry.partition("==")[0] for entry in self.entries} == set()

    def test_has_a_hash_for_every_package(self) -> None:
        assert [entry for entry in self.entries if "--hash=sha256:" not in entry] == []

    def test_names_no_index_and_no_place_of_a_machine(self) -> None:
        assert re.findall(r"https?:|file:|--(?:extra-)?index|--find-links|@ ", self.text) == []
