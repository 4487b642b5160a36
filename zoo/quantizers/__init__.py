"""Latents to tokens and back. Nothing here knows of images, encoders or training loops."""
