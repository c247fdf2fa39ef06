"""Packages that only some uses need: whether they are installed is asked when such a use is prepared.

It must not know what they are used for. Law: decoding never fails for want of a package; what would need one cannot be
made without it, and the error names the extra to install.
"""

from __future__ import annotations

from importlib import import_module

from wireproto.values.errors import MissingExtra


def require(extra: str, *modules: str, purpose: str) -> None:
    """Import the modules of an extra; `purpose` is what needs them, the subject of the error's sentence.

    They are imported and not only looked for: a package that is there and cannot be loaded would fail later.

    Raises:
        MissingExtra: one of them cannot be imported.
    """
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            package = module.partition(".")[0]
            raise MissingExtra(f"{purpose} needs {package}: pip install 'wireproto[{extra}]'") from error
