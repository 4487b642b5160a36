"""Studies: variants of a config trained at equal budgets, measured alike, laid out in one table; needs no torch."""
