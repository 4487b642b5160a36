"""Training losses, each a component with its weight. All are means over batch and positions, times the weight."""
