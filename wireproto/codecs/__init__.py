"""Argument encodings: one file each, with the reader and the writer of that encoding side by side."""
