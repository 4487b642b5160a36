"""Images to tokens and back: an encoder, a quantizer and a decoder."""
