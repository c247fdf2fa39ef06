"""Response templates of Hugging Face's transformers: a dialect written as one, and read from one.

It must not know any format. Law: what cannot be said on the other side is refused, by the name of its key or field.
"""
