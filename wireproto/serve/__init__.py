"""A proxy before a model server: tool calls that leaked into the text come out as calls, everything else as it came.

It must not know a wire format: dialects are data, and writers have the shapes of APIs. Law: a client gets the right
call or an error that its SDK raises, never a success that hides a failure; secrets are passed on and never kept.
"""
