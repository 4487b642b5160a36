"""Pipelines: whole models in one object, from a reference face and AUs or text to a face."""
