"""What calls cost: tokens by class, priced by the tables of `genai-prices` and the team's own overrides."""
