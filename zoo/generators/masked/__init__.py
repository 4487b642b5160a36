"""What generators by masking are made of: trunk, heads, masks, orders, noise and the drawing loop. No components here.

A *site* is what is hidden and shown as one: a position of the grid with all its levels, or a single token.
"""
