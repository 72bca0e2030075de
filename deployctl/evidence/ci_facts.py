"""What a CI system says of the job that deployctl runs in. Pure.

It is what the job's environment says, and no more: whoever controls the job controls it. The
default variables of GitHub Actions have neither the environment's name nor who approved a
deployment to it; where the run's reviews can be read is told (and asked: github_reviews.py).
https://docs.github.com/en/actions/reference/variables-reference
"""

from collections.abc import Mapping
from typing import Final

TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - its name
"""what a workflow hands on for GitHub to be asked with (github_reviews.py)"""

_GITHUB: Final = {
    "actor": "GITHUB_ACTOR",
    "triggeringActor": "GITHUB_TRIGGERING_ACTOR",
    "repository": "GITHUB_REPOSITORY",
    "workflow": "GITHUB_WORKFLOW_REF",
    "job": "GITHUB_JOB",
    "event": "GITHUB_EVENT_NAME",
    "ref": "GITHUB_REF",
    "sha": "GITHUB_SHA",
    "runId": "GITHUB_RUN_ID",
    "runAttempt": "GITHUB_RUN_ATTEMPT",
    "environment": "DEPLOYCTL_CI_ENVIRONMENT",
}
"""The last is ours: a workflow hands it on (examples/ci/github.yml)."""
_GITLAB: Final = {
    "actor": "GITLAB_USER_LOGIN",
    "repository": "CI_PROJECT_PATH",
    "job": "CI_JOB_ID",
    "event": "CI_PIPELINE_SOURCE",
    "ref": "CI_COMMIT_REF_NAME",
    "sha": "CI_COMMIT_SHA",
    "runId": "CI_PIPELINE_ID",
    "run": "CI_JOB_URL",
    "environment": "CI_ENVIRONMENT_NAME",
}


def ci_facts(env: Mapping[str, str]) -> dict[str, str]:
    """Empty outside GitHub Actions and GitLab CI; else `system` and what it says, by our names."""
    if env.get("GITHUB_ACTIONS") == "true":
        return {"system": "GitHub Actions", **_told(_GITHUB, env), **_run(env)}
    if env.get("GITLAB_CI") == "true":
        return {"system": "GitLab CI", **_told(_GITLAB, env)}
    return {}


def _told(names: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    return {ours: env[theirs] for ours, theirs in names.items() if env.get(theirs)}


def _run(env: Mapping[str, str]) -> dict[str, str]:
    """The run's page, and where GitHub says who reviewed its deployments."""
    server, api = env.get("GITHUB_SERVER_URL"), env.get("GITHUB_API_URL")
    repository, run = env.get("GITHUB_REPOSITORY"), env.get("GITHUB_RUN_ID")
    if not (server and api and repository and run):
        return {}
    return {
        "run": f"{server}/{repository}/actions/runs/{run}",
        "reviews": f"{api}/repos/{repository}/actions/runs/{run}/approvals",
    }
