"""What a CI says is recorded as that; nothing is claimed that its environment does not hold."""

from deployctl.evidence.ci_facts import ci_facts

GITHUB = {
    "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octocat", "GITHUB_TRIGGERING_ACTOR": "ana",
    "GITHUB_REPOSITORY": "acme/api", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": "https://api.github.com",
}  # fmt: skip


def test_outside_a_ci_there_is_nothing_to_say() -> None:
    assert ci_facts({"GITHUB_ACTOR": "octocat", "CI": "true"}) == {}


def test_github_says_who_and_where_its_reviews_can_be_read() -> None:
    assert ci_facts(GITHUB) == {
        "system": "GitHub Actions",
        "actor": "octocat",
        "triggeringActor": "ana",
        "repository": "acme/api",
        "runId": "77",
        "runAttempt": "2",
        "run": "https://github.com/acme/api/actions/runs/77",
        "reviews": "https://api.github.com/repos/acme/api/actions/runs/77/approvals",
    }


def test_an_environment_is_told_only_where_the_workflow_hands_it_on() -> None:
    """GitHub's runner tells a job neither its environment nor who approved the deployment."""
    assert "environment" not in ci_facts(GITHUB)
    told = ci_facts({**GITHUB, "DEPLOYCTL_CI_ENVIRONMENT": "production"})
    assert told["environment"] == "production"
    assert not {key for key in told if "approv" in key.lower()}


def test_gitlab_says_its_own() -> None:
    env = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ana", "CI_ENVIRONMENT_NAME": "production"}
    assert ci_facts(env) == {"system": "GitLab CI", "actor": "ana", "environment": "production"}
