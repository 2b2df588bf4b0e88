"""Codecs: columns and pixels to the reals and codes that a network models, and back."""
