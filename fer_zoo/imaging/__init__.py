"""From any input to an RGB picture, and from a picture to the aligned crop of a face."""
