"""Figures: faces of one or several systems side by side, with what was asked of them in words."""
