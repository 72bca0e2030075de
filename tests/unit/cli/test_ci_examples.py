"""The CI examples say only what the command line understands, and inject nothing."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from deployctl.cli.main import app
from deployctl.config.load import load

EXAMPLES = Path(__file__).parents[3] / "examples" / "ci"


def scripts() -> dict[str, str]:
    github: Any = yaml.safe_load((EXAMPLES / "github.yml").read_text())
    gitlab: Any = yaml.safe_load((EXAMPLES / "gitlab.yml").read_text())
    steps = github["jobs"]["hotfix"]["steps"]
    return {
        "github": next(step["run"] for step in steps if step.get("id") == "hotfix"),
        "gitlab": gitlab["hotfix"]["script"][0],
    }


@pytest.mark.parametrize(("system", "script"), scripts().items())
def test_the_command_parses(system: str, script: str) -> None:
    line = script.replace("\\\n", " ").strip().splitlines()[-1]
    words = shlex.split(line.removeprefix("exec ").partition(">")[0])
    assert words[:2] == ["deployctl", "hotfix"]
    hotfix = typer.main.get_command(app).commands["hotfix"]  # type: ignore[attr-defined]
    with hotfix.make_context("hotfix", words[2:]) as context:
        assert context.params["yes"] is True
        assert context.params["output"] == "json"


@pytest.mark.parametrize("script", scripts().values())
def test_no_input_is_pasted_into_a_script(script: str) -> None:
    assert "${{" not in script


def test_a_rollout_is_never_cut_off_by_a_newer_one() -> None:
    github: Any = yaml.safe_load((EXAMPLES / "github.yml").read_text())
    gitlab: Any = yaml.safe_load((EXAMPLES / "gitlab.yml").read_text())
    assert github["concurrency"]["cancel-in-progress"] is False
    assert gitlab["hotfix"]["interruptible"] is False
    assert gitlab["hotfix"]["resource_group"]


def test_the_target_in_the_readme_loads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.DOTALL)
    path = tmp_path / "deployctl.yml"
    path.write_text(f"version: 1\nservices: [api]\n{block}")
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"
    env = {
        "DEPLOY_HOST": "deploy@vps.example.com:2222",
        "DEPLOY_HOST_KEY": key,
        "DEPLOY_KEY": "text",
    }
    settings = load(path, "production", env)
    assert (settings.host.user, settings.host.port) == ("deploy", 2222)
    assert settings.host.key_env == "DEPLOY_KEY"
