"""Data on its way in and out: frames of any make, files, bundled tables."""
