"""Metrics: what is counted over a whole data set, with the functions that count. Losses live in ``zoo.losses``."""
