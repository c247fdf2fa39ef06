"""What it takes to learn a format from texts: texts compared, and what a codec's learner is given and returns.

It must not know templates, nor any codec. Law: nothing is believed that was not written by whoever writes the format.
"""
