"""AU recognisers: from an image to the probability of each AU. Those of texts are in ``zoo.text_recognizers``."""
