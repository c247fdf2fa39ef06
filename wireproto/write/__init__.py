"""Everything that is written for a model: calls as it would write them, prompts, results, conversions.

It must not know streams; a decoder is asked only whether what was written comes back.
Law: `parse(encode(x)) == x`, or encode refuses.
"""
