"""What a harness declares, what a model may write, how it breaks and how it arrives: each drawn from any source.

A generator is a plain function of `Choices`, which hypothesis, a random number generator or bytes stand behind. They
know a dialect only by its templates and its codec's writer, so a new dialect is attacked with its own material without
a line written for it. They must not know what a decoder makes of a text. Law: the same choices give the same value,
and the lowest choices the simplest.
"""
