"""Readers of AU data sets as they are distributed: one file each, from a tree on disk to :class:`RawFrames`."""
