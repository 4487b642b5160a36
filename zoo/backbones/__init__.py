"""Images to feature maps: the trunks that recognisers and perceptual losses stand on."""
