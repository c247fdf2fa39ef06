"""What ends a raw value, compiled from the dialect: the one object that decoder and grammars read, print and draw.

It must not know decoding, codecs and grammars.
Law: each rule about the end of a value is written here and nowhere else.
"""
