"""What other people's schedulers have to be told, a scheduler a module. Pure: text out of a Tick."""
