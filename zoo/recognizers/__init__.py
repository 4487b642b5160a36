"""AU recognisers: from an image (or, later, a text) to the probability of each AU."""
