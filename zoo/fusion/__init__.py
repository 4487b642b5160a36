"""Fusion: features of face and text -> the context that a generator attends to."""
