"""Face encoders: a reference face -> features of who it is, of where what is, and of how it looks."""
