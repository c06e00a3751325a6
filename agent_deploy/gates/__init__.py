"""The gate: a policy over evidence, giving a verdict. Pure rules; facts are gathered from the registry."""
