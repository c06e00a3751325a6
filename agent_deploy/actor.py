"""Who acts: the flag, else AGENT_DEPLOY_ACTOR, else the CI system's user, else the user of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

# GitHub Actions, GitLab, Buildkite, CircleCI, Bitbucket, Azure Pipelines, Jenkins (build-user-vars plugin), Drone.
CI_VARIABLES = (
    "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BITBUCKET_STEP_TRIGGERER_UUID",
    "BUILD_REQUESTEDFOR", "BUILD_USER_ID", "DRONE_COMMIT_AUTHOR",
)  # fmt: skip


def find_actor(flag: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The name to record, never empty."""
    named = (flag, environ.get("AGENT_DEPLOY_ACTOR"), *(environ.get(name) for name in CI_VARIABLES))
    for name in named:
        if name:
            return name
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return f"uid-{os.getuid()}"
