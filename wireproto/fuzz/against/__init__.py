"""Another parser, in any language, as a child process: held against what was written, and against ours.

It must not know any parser. Law: what is known to be wrong and what is only disagreement are never added up.
"""

from __future__ import annotations
