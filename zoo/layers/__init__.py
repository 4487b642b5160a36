"""Blocks that two families or more share. No losses, no data, no training loops."""
