"""Statistics of the gate, pure functions over plain numbers, standard library only. Each names its source."""
