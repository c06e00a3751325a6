"""A job for a scheduled pipeline of GitLab."""

from __future__ import annotations

from agent_deploy.operations.drill.schedulers.parts import File, Job


def gitlab(job: Job) -> list[File]:
    """To be included from .gitlab-ci.yml. GitLab keeps the schedule itself outside of the repository."""
    text = f"""\
# agent-deploy: the weekly rollback drill. Ticks {job.every.words}; a tick runs what is due, at most once a week.
# The schedule is made under Build > Pipeline schedules, or with
#   glab schedule create --cron "{job.every.cron}" --cronTimeZone UTC --ref main --description "rollback drill"
# AGENT_DEPLOY_DATABASE and AGENT_DEPLOY_STORE are masked CI/CD variables: PostgreSQL and S3, for a job keeps no file.
# GitLab deactivates the schedules of an owner who leaves: have a heartbeat (`heartbeat_url`) notice.
drill-tick:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  resource_group: agent-deploy-drill
  interruptible: false
  timeout: 6h
  script:
    - pip install "agent-deploy[postgres]"
    - agent-deploy drill tick
"""
    return [File("agent-deploy-drill.gitlab-ci.yml", text)]
