"""Plug-ins for servers that read tool calls themselves: `vllm` and `sglang`.

Each is loaded by its server through an entry point and imports it; nothing else of the package imports them. Law: a
server shows what `wireproto.parse` finds, in every chunking; where it never says that a stream ended, the module says
what may be lost.
"""
