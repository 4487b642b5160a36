"""Text AU recognisers: from a description to the probability of each AU that it speaks of. Not: the linter, by rule."""
