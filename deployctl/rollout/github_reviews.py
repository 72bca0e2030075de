"""Who approved of the job's deployment to its environment, as GitHub tells it.

Nothing in a job's own environment names its reviewers, so GitHub is asked, where the workflow hands
its token on (GITHUB_TOKEN, with `actions: read`). Whatever that meets, a run's evidence is written:
what was not told is said instead.
https://docs.github.com/en/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
"""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import requests
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from urllib3.exceptions import HTTPError

from deployctl.evidence.ci_facts import TOKEN

SECONDS: Final = 3.0
"""for the connection, for each wait for bytes, and for them all"""
LARGEST_BYTES: Final = 64 * 1024

Told = Annotated[str, Field(max_length=1000)]


class _Named(BaseModel):
    name: Told


class _User(BaseModel):
    login: Told


class _Review(BaseModel):
    state: Told
    environments: list[_Named]
    user: _User
    comment: str = ""


_REVIEWS: Final = TypeAdapter(list[_Review])


def github_reviews(env: Mapping[str, str], url: str) -> dict[str, Any]:
    """`reviews`: each with state, environments, `by` and comment, as GitHub at `url` tells them; or
    `notTold`, why there are none here. Never raises."""
    token = env.get(TOKEN)
    if not token:
        return {"notTold": f"the job has no {TOKEN}"}
    try:
        return {"reviews": _read(_answer(url, token))}
    except _NotToldError as error:
        return {"notTold": str(error)}
    except requests.Timeout:
        return {"notTold": f"GitHub did not answer within {SECONDS:g} s"}
    except (requests.RequestException, HTTPError, ValueError, OSError) as error:
        # Not its words: they may repeat what was sent.
        return {"notTold": f"GitHub can't be asked ({type(error).__name__})"}


class _NotToldError(Exception):
    pass


def _answer(url: str, token: str) -> bytes:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    with requests.get(
        url, headers=headers, timeout=SECONDS, allow_redirects=False, stream=True
    ) as answer:
        if answer.status_code != requests.codes.ok:
            more = ": the token needs `actions: read`" if answer.status_code in {401, 403} else ""
            raise _NotToldError(f"GitHub answered {answer.status_code}{more}")
        data, end = bytearray(), time.monotonic() + SECONDS
        # Singly: a larger piece is waited for until it is whole, however slowly it comes.
        for byte in answer.iter_content(1):
            data += byte
            if len(data) > LARGEST_BYTES:
                raise _NotToldError("GitHub's answer is too large")
            if time.monotonic() > end:
                raise requests.Timeout
        return bytes(data)


def _read(data: bytes) -> list[dict[str, Any]]:
    try:
        found = _REVIEWS.validate_python(json.loads(data))
    except (ValidationError, ValueError, RecursionError) as error:
        raise _NotToldError("GitHub's answer is none of reviews") from error
    return [
        {
            "state": each.state,
            "environments": [named.name for named in each.environments],
            "by": each.user.login,
            "comment": each.comment[:1000],
        }
        for each in found
    ]
