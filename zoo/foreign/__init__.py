"""Adapters for checkpoints of others: they speak the others' names and give our components."""
