"""The codec `html`: arguments as the controls of a filled-in form.

It must not know other codecs, and nothing outside names it.
Law: the HTML Standard's tokenizer decides what is a tag.
"""
