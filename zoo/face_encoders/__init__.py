"""Face encoders: a reference face -> features of appearance (who), structure (where what is) and latents (how it looks)."""
