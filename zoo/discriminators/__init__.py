"""Networks that tell real images from reconstructions."""
