"""What quantizers are made of: search, lookup, learning and straight-through gradients. No components here.

Everything in this package works on flat vectors, ``vector dim``, in single precision.
"""
