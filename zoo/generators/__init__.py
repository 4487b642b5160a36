"""Generators: a context -> tokens. MaskGIT over code stacks, and its siblings."""
