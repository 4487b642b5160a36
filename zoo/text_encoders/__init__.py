"""Text encoders: prompts -> features. T5 of any size, a transformer trained here, and AU labels in place of text."""
