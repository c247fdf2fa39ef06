"""XML and HTML to plain data: an element is its name, its attributes, and its children in order.

The parsers are lxml and lexbor, loaded on first use. It must not know documents, calls or diagnoses. Law: every text
gives a tree or raises `Malformed`, in time linear in the text; no entity is expanded, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from wireproto.values.quoting import quoted

if TYPE_CHECKING:
    from lxml import etree

# For some texts the parsers, written in C, take quadratic time or far more memory than the text: those are refused.
# Measured with lexbor: 100,000 attributes of one tag take 34 s, 50,000 unclosed tags 5 s, 3,000 unclosed <font> 1.7 GB.
MAX_HTML_TAGS: Final = 20_000
MAX_ATTRIBUTES: Final = 1_000
_MAX_HTML_NODES: Final = 1_000_000
_MAX_CUT: Final = 200

_TAG: Final = re.compile(r"<[A-Za-z][^ \t\n\f\r/>]*")
# One attribute as the HTML Standard reads it (13.2.5.32 to 13.2.5.39), and what comes before it.
_ATTRIBUTE: Final = re.compile(
    r"""
    [ \t\n\f\r/]* [^ \t\n\f\r/>][^ \t\n\f\r/>=]*
    (?:[ \t\n\f\r]* = [ \t\n\f\r]* (?:"[^"]*" | '[^']*' | [^ \t\n\f\r>"'][^ \t\n\f\r>]*))?
    """,
    re.VERBOSE,
)
# Formatting elements that are not closed are opened again in every block (13.2.4.3), up to three of the same kind.
_FORMATTING: Final = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[ \t\n\f\r/])", re.I)
_PLAIN_TAG: Final = re.compile(r"""<[A-Za-z]+(?:[ \t\n\f\r]+[A-Za-z-]+="[^"'<>]*"){0,20}[ \t\n\f\r]*/?>""")
# The declaration of an entity, and a reference to one that XML does not know by itself.
_ENTITY: Final = re.compile(r"<!ENTITY|&(?!#|(?:amp|lt|gt|quot|apos);)")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Malformed(ValueError):
    """Text that cannot be read: why, in one sentence, and the line and column (from 1) if they are known."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column

    @classmethod
    def at(cls, message: str, text: str, position: int) -> Malformed:
        """Return the error at an index of `text`."""
        return cls(message, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def _element(name: str, attributes: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "attributes": attributes, "children": []}


class _Builder:
    """The target of lxml's parser: it builds the tree, and leaves out comments and processing instructions."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._open: list[dict[str, Any]] = []
        self._text: list[str] = []
        self._prefixes = {"http://www.w3.org/XML/1998/namespace": "xml"}
        self._hidden: list[dict[str, str | None]] = []
        self.root: dict[str, Any] = {}

    def start(self, tag: str, attributes: dict[str, str], namespaces: dict[str | None, str]) -> None:
        if len(self._open) >= self._max_depth:
            raise Malformed(f"nested more than {self._max_depth} elements deep")
        self._flush()
        self._hidden.append({uri: self._prefixes.get(uri) for uri in namespaces.values()})
        self._prefixes.update((uri, prefix or "") for prefix, uri in namespaces.items())
        given = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in namespaces.items()}
        given |= {self._written(name): value for name, value in attributes.items()}
        element = _element(self._written(tag), given)
        if self._open:
            self._open[-1]["children"].append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, tag: str) -> None:
        self._flush()
        self._open.pop()
        for uri, prefix in self._hidden.pop().items():
            if prefix is None:
                del self._prefixes[uri]
            else:
                self._prefixes[uri] = prefix

    def data(self, text: str) -> None:
        self._text.append(text)

    def close(self) -> None:
        pass

    def _written(self, name: str) -> str:
        """Return a name with its prefix, from lxml's `{uri}name`."""
        if not name.startswith("{"):
            return name
        uri, _, local = name[1:].rpartition("}")
        prefix = self._prefixes.get(uri, "")
        return f"{prefix}:{local}" if prefix else local

    def _flush(self) -> None:
        if self._text and self._open:
            self._open[-1]["children"].append("".join(self._text))
        self._text.clear()


def xml_parser(target: _Builder | None = None) -> etree.XMLParser:
    """Return a parser that fetches nothing, expands no entity and builds no huge tree; `target` gets what it reads."""
    from lxml import etree

    # The stubs want a target with a method for comments; lxml itself calls only those that there are.
    return etree.XMLParser(
        target=target,  # type: ignore[arg-type]
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )


def xml_tree(text: str, max_depth: int) -> dict[str, Any]:
    """Return the root element of an XML document; Malformed if it is not well formed or declares entities."""
    from lxml import etree

    if "<!DOCTYPE" in text and (entity := _ENTITY.search(text)) is not None:
        raise Malformed.at("a document type that declares entities is refused", text, entity.start())
    if (half := _SURROGATE.search(text)) is not None:
        raise Malformed.at("half of a surrogate pair is not a character", text, half.start())
    builder = _Builder(max_depth)
    try:
        etree.fromstring(text.encode(), xml_parser(builder))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        message = " ".join((error.msg or "not well formed").split())
        raise Malformed(
            re.sub(r", line \d+, column \d+( \(.*\))?$", "", message)[:_MAX_CUT], line or 0, column or 0
        ) from None
    return builder.root


def html_tree(text: str, root: str | None, max_depth: int) -> dict[str, Any]:
    """Return the first element named `root` as an HTML parser sees it (the first of the body, if it has no name)."""
    from selectolax.lexbor import LexborHTMLParser

    _check_html(text)
    document = LexborHTMLParser(_SURROGATE.sub("�", text))
    found = _first(document.root, root.lower()) if root is not None else _first_in_body(document)
    if found is None:
        raise Malformed(
            f"an HTML parser finds no element {quoted(root)}" if root else "an HTML parser finds no element", 1, 1
        )
    return _plain(found, max_depth)


def _check_html(text: str) -> None:
    """Refuse text for which the HTML parser takes more than linear time."""
    tags = text.count("<")
    if tags > MAX_HTML_TAGS:
        raise Malformed(f"more than {MAX_HTML_TAGS} tags")
    # Whatever the parser's state, a tag begins only at a "<"; so it is enough to look at each of them.
    budget = 4 * len(text) + 65_536
    for tag in _TAG.finditer(text):
        count, at = 0, tag.end()
        while (attribute := _ATTRIBUTE.match(text, at)) is not None:
            budget -= attribute.end() - at
            count, at = count + 1, attribute.end()
            if count > MAX_ATTRIBUTES or budget < 0:
                raise Malformed.at(
                    f"a tag with more than {MAX_ATTRIBUTES} attributes, or none that ends", text, tag.start()
                )
    kinds: set[str] = set()
    for i, formatting in enumerate(_FORMATTING.finditer(text)):
        plain = _PLAIN_TAG.match(text, formatting.start())
        kinds.add(plain.group().lower() if plain is not None else str(i))
    # There are 13 formatting elements; each may be open without attributes too.
    if (3 * (len(kinds) + 13) + 1) * tags > _MAX_HTML_NODES:
        raise Malformed("too many formatting elements for a tree of this size")


def _walk(node: Any) -> Iterator[Any]:
    """Yield a node and its descendants in order, without recursion."""
    todo = [node]
    while todo:
        item = todo.pop()
        yield item
        children = []
        child = item.child
        while child is not None:
            children.append(child)
            child = child.next
        todo += reversed(children)


def _first(root: Any, name: str) -> Any:
    return next((node for node in _walk(root) if node.is_element_node and node.tag == name), None)


def _first_in_body(document: Any) -> Any:
    node = document.body.child if document.body is not None else None
    while node is not None and not node.is_element_node:
        node = node.next
    return node


def _plain(root: Any, max_depth: int) -> dict[str, Any]:
    tree: list[Any] = []
    todo: list[tuple[Any, list[Any], int]] = [(root, tree, 0)]
    while todo:
        node, siblings, depth = todo.pop()
        if node.is_text_node:
            siblings.append(node.text_content)
            continue
        if not node.is_element_node:
            continue
        if depth >= max_depth:
            raise Malformed(f"nested more than {max_depth} elements deep")
        element = _element(node.tag, {name: value or "" for name, value in node.attributes.items()})
        siblings.append(element)
        children = []
        child = node.child
        while child is not None:
            children.append((child, element["children"], depth + 1))
            child = child.next
        todo += reversed(children)
    first: dict[str, Any] = tree[0]
    return first
