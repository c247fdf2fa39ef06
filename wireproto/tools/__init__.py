"""Tool definitions as the caller gives them, and what their schemas say of types and parameters.

It must not know wire formats and decoding.
Law: whatever a tools file holds, a wrong one is a `SchemaError` that names the tool, never a crash.
"""
