"""Dialects: what a marker is made of, a dialect and its file, where dialects are found, and each of its spellings.

It must not know codecs, decoding and grammars: a format is data here.
Law: a marker is written in the dialect file and nowhere else.
"""
