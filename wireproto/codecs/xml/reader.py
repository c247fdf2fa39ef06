"""Arguments as XML elements: `<arg name="content">…</arg>`, nested data as elements in it.

The reader is that of tagged arguments, so a value that nobody escaped ends where its structure says; what differs is
the text of a value (references, CDATA) and its `type` attribute. The writer escapes everything, so nothing it writes
is ever in doubt. Law: what the writer wrote, an XML parser and the reader both read back.
"""

from __future__ import annotations

from collections.abc import Mapping

from wireproto.codecs.tagged.reader import TaggedReader
from wireproto.codecs.tagged.values import RawValue
from wireproto.codecs.xml import tree
from wireproto.documents.trees import xml_parser
from wireproto.engine.call_builder import CallBuilder, End
from wireproto.format.spelling import Spelling
from wireproto.text.scan import Answer
from wireproto.text.xml_text import Mode, decode, decode_part
from wireproto.tools.toolset import Tool, Typed


class XmlValue(RawValue):
    """The text of one value, decoded while it arrives."""

    wrappings = "{<"

    __slots__ = ("_decoder_mode", "_type")

    def __init__(
        self, builder: CallBuilder, spelling: Spelling, slots: Mapping[str, str], start: int, crlf: bool
    ) -> None:
        self._decoder_mode = Mode.ESCAPED
        self._type = slots.get("type", "")
        super().__init__(builder, spelling, slots, start, crlf)

    @property
    def is_raw(self) -> bool:
        """Whether what was emitted so far says that the writer escapes nothing."""
        return self._decoder_mode is Mode.RAW

    def emit(self, end: int) -> None:
        """Emit the value's text up to `end`, or to half of a reference before it."""
        if self._mode in ("late", "drop", "wrapped") and end > self.emitted:
            self.builder.check_size(end - self.start)
            self._decode_on(end, final=False)
        elif self._mode == "undecided":
            text = self.builder.buffer.slice(self.start, end)
            certain, _, _ = decode_part(text, 0, len(text), Mode.ESCAPED, final=False)
            self._look(certain, end)
        else:
            super().emit(end)

    def _stream(self, end: int, final: bool = False) -> None:
        self.builder.more(self._decode_on(end, final))

    def _decode_on(self, end: int, final: bool) -> str:
        text = self.builder.buffer.slice(self.emitted, end)
        piece, consumed, self._decoder_mode = decode_part(text, 0, len(text), self._decoder_mode, final)
        self.emitted += consumed
        return piece

    def _decoded(self, start: int, end: int) -> str:
        return decode(self.builder.buffer.slice(start, end))

    def _decide(self, end: int) -> None:
        self._decoder_mode = Mode.ESCAPED
        super()._decide(end)

    def _wrapped(self, text: str, end: int) -> object:
        tool = self.builder.tool
        wrapper = Tool(tool.name, "", {"properties": {self.key: tool.schema}}, decimals=tool.decimals, root=tool.schema)
        try:
            raw = self.builder.buffer.slice(self.start, end)
            found = tree.read(self.spelling.dialect, raw, self._type, wrapper, self.key, self.builder.max_depth)
        except (tree.TreeTooDeep, tree.NotATree):
            return None
        return super()._wrapped(text, end) if found is None else found.value

    def _check(self, text: str, end: int) -> None:
        """Nothing is odd about references: they are decoded here."""

    def _typed(self, text: str, end: int) -> Typed:
        builder = self.builder
        raw = builder.buffer.slice(self.start, end)
        tool = builder.typing
        try:
            found = tree.read(self.spelling.dialect, raw, self._type, tool, self.key, builder.max_depth)
        except tree.TreeTooDeep:
            return Typed(text, "type-mismatch", builder.too_deep())
        except tree.NotATree as error:
            return Typed(text, "type-mismatch", str(error))
        if found is None:
            return super()._typed(text, end)
        if found.problem:
            return Typed(found.value, "type-mismatch", found.problem)
        return tool.fitting(self.key, found.value)


class XmlReader(TaggedReader):
    """Reads the arguments of one call; in strict mode an XML parser reads it too, and its complaint is a diagnosis."""

    value_type = XmlValue
    nests = False  # it reads elements as XML does
    specials = ("&",)

    __slots__ = ()

    def read(self, stop: int, end: End) -> Answer:
        """Read as far as certain, looking no further than `stop`."""
        outcome = super().read(stop, end)
        in_cdata = self._open is not None and self._open.in_cdata
        # Only in a CDATA section may a bracket be the beginning of its end.
        if in_cdata is not ("]" in self._stops):
            self._stops = (*self._stops, "]") if in_cdata else self._stops[:-1]
        return outcome

    def _finish(self, position: int, complete: bool) -> Answer:
        if self.builder.policy.strict:
            self._check_well_formed(position)
        return super()._finish(position, complete)

    def _check_well_formed(self, position: int) -> None:
        from lxml import etree

        builder = self.builder
        text = builder.buffer.slice(builder.start, position).encode("utf-8", "surrogatepass")
        try:
            etree.fromstring(text, xml_parser())
        except etree.XMLSyntaxError as error:
            line, column = error.position
            message = f"not well-formed XML: {error.msg} (line {line}, column {column} of the call)"
            builder.transcript.diagnose("not-well-formed", (builder.start, position), message)
