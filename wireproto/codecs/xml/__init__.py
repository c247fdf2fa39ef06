"""The codec `xml`: arguments as real XML, nested data as elements.

It must not know other codecs, and nothing outside names it.
Law: in strict mode, what is taken is what an XML parser takes.
"""
