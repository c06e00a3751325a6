"""A CronJob for Kubernetes."""

from __future__ import annotations

import json

from agent_deploy.operations.drill.schedulers.parts import File, Job

_LEAST_DEADLINE_S = 600


def kubernetes(job: Job) -> list[File]:
    """`kubectl apply -f`. The image is the team's own: it holds agent-deploy, and its working directory is the folder
    with agent-deploy.toml. Secrets come from the Secret `agent-deploy`.
    """
    deadline_s = max(_LEAST_DEADLINE_S, job.every.minutes * 60 // 2)
    text = f"""\
# agent-deploy: the weekly rollback drill. Ticks {job.every.words}; a tick runs what is due, at most once a week.
# The image holds agent-deploy; its working directory is the folder with agent-deploy.toml.
#   kubectl create secret generic agent-deploy --from-literal=AGENT_DEPLOY_DATABASE=postgresql://...
# Database and store have to be shared ones: PostgreSQL, S3.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: agent-deploy-drill
spec:
  schedule: "{job.every.cron}"
  concurrencyPolicy: Forbid
  # Below ten seconds it would never run, and after a hundred missed starts without it never again.
  startingDeadlineSeconds: {deadline_s}
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      # No second try by Kubernetes: the next tick tries again, in its window and with back-off.
      backoffLimit: 0
      # A pod that hangs would keep every later tick from starting.
      activeDeadlineSeconds: 21600
      template:
        metadata:
          annotations:
            cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
        spec:
          restartPolicy: Never
          # A drill that is told to stop restores first.
          terminationGracePeriodSeconds: 300
          containers:
            - name: tick
              image: {json.dumps(job.image)}
              command: ["agent-deploy", "drill", "tick"]
              envFrom:
                - secretRef:
                    name: agent-deploy
              resources:
                requests:
                  cpu: 100m
                  memory: 256Mi
              securityContext:
                allowPrivilegeEscalation: false
"""
    return [File("agent-deploy-drill.yaml", text)]
