"""What latent diffusion is made of: networks of diffusers, LoRA layers for them, and prompts in chunks."""
