"""Evaluation: what models and outside systems are worth, on one test set, by one set of judges."""
