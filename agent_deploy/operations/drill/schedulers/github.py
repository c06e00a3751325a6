"""A scheduled workflow for GitHub Actions."""

from __future__ import annotations

from agent_deploy.operations.drill.schedulers.parts import File, Job


def github(job: Job) -> list[File]:
    """To be committed to the default branch: schedules run from nowhere else."""
    text = f"""\
# agent-deploy: the weekly rollback drill. Ticks {job.every.words}; a tick runs what is due, at most once a week.
# GitHub starts schedules late when it is busy, drops some, and stops them after 60 days without a commit in a public
# repository. A missed tick is made up for by the next one; that none comes at all, only something outside of GitHub can
# notice: a heartbeat (`heartbeat_url`), or `agent-deploy drill status --fail-if-overdue` run elsewhere.
name: rollback drill
on:
  schedule:
    - cron: "{job.every.cron}"
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: agent-deploy-drill
  cancel-in-progress: false
jobs:
  tick:
    runs-on: ubuntu-latest
    timeout-minutes: 360
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install "agent-deploy[postgres]"
      - run: agent-deploy drill tick
        env:
          # Database and store have to be shared ones: a runner keeps no file.
          AGENT_DEPLOY_DATABASE: ${{{{ secrets.AGENT_DEPLOY_DATABASE }}}}
          AGENT_DEPLOY_STORE: ${{{{ secrets.AGENT_DEPLOY_STORE }}}}
          AWS_ACCESS_KEY_ID: ${{{{ secrets.AWS_ACCESS_KEY_ID }}}}
          AWS_SECRET_ACCESS_KEY: ${{{{ secrets.AWS_SECRET_ACCESS_KEY }}}}
          AWS_REGION: ${{{{ vars.AWS_REGION }}}}
"""
    return [File(".github/workflows/agent-deploy-drill.yml", text)]
