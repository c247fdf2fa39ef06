"""Text by position: the window over what was fed, scanning, strings and repair of JSON, references of XML.

It must not know markers, dialects and tools.
Law: each module is a leaf parser: functions over text and positions, linear in what they read.
"""
