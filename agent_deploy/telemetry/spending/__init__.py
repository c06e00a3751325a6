"""What calls cost, read from the facts: sums that `agent_deploy.costs` makes reports and comparisons of."""
