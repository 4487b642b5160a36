"""Words of prompts as numbers, without a vocabulary that would have to travel along."""
