"""Commands that build data sets on disk; each is a typed function that the command line calls."""
