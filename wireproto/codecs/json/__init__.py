"""The codec `json`: arguments as a JSON object, in a record with the name or behind a header.

It must not know other codecs, and nothing outside names it.
Law: inside a string nothing is a marker.
"""
