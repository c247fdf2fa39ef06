"""The codec `tagged`: a pair of tags around each raw value, or around its key and its value.

It must not know other codecs, and nothing outside names it.
Law: a value ends where `format.spelling.Endings` accepts, and nowhere else.
"""
