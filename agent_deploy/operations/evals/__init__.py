"""The operations of `agent-deploy evals`: one verb, one module."""
