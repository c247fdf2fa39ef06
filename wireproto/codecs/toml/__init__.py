"""The codec `toml`: arguments as statements of a TOML table.

It must not know other codecs, and nothing outside names it.
Law: what TOML 1.0 says is a string stays a string.
"""
