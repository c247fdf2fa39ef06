"""What servers say about why an output ended: the one table of their words, and what each means for a call.

It must not know calls or text. Law: a word that is not in the table may mean a cut, so it counts as one.
"""

from __future__ import annotations

from typing import Final, Literal

Meaning = Literal["ended", "cut", "unknown"]

# Compared in lower case, without `-`, `_` and blanks. The sources are the API references of each server.
ENDED: Final[dict[str, str]] = {
    "stop": "OpenAI, Gemini, Mistral, Ollama, vLLM, SGLang, AI SDK",
    "toolcalls": "OpenAI, Mistral, vLLM, AI SDK",
    "toolcall": "Cohere",
    "functioncall": "OpenAI (legacy), SGLang",
    "tooluse": "Anthropic, Bedrock",
    "endturn": "Anthropic, Bedrock",
    "stopsequence": "Anthropic, Bedrock, Cohere, TGI",
    "complete": "Cohere",
    "completed": "OpenAI Responses",
    "eos": "llama.cpp /completion (stop_type)",
    "word": "llama.cpp /completion (stop_type)",
    "eostoken": "TGI",
    "eosfound": "LM Studio",
    "stopstringfound": "LM Studio",
    "unload": "Ollama",
    "load": "Ollama",
    "done": "proxies",
    "finished": "proxies",
}
CUT: Final[dict[str, str]] = {
    "length": "OpenAI, Ollama, vLLM, SGLang, TGI, AI SDK",
    "maxtokens": "Anthropic, Bedrock, Cohere, Gemini",
    "maxoutputtokens": "OpenAI Responses",
    "modellength": "Mistral",
    "modelcontextwindowexceeded": "Anthropic, Bedrock",
    "maxpredictedtokensreached": "LM Studio",
    "contextlengthreached": "LM Studio",
    "limit": "llama.cpp /completion (stop_type)",
    "none": "llama.cpp /completion (stop_type): it did not stop yet",
    "incomplete": "OpenAI Responses",
    "abort": "vLLM, SGLang; what a harness passes when a connection drops",
    "aborted": "proxies",
    "cancel": "proxies",
    "canceled": "proxies",
    "cancelled": "OpenAI Responses",
    "usercancel": "Cohere",
    "userstopped": "LM Studio",
    "error": "vLLM, Mistral, Cohere, AI SDK",
    "errorlimit": "Cohere",
    "errortoxic": "Cohere",
    "failed": "OpenAI Responses, LM Studio",
    "modelunloaded": "LM Studio",
    "timeout": "Cohere, proxies",
    "repetition": "vLLM",
    "contentfilter": "OpenAI, AI SDK",
    "contentfiltered": "Bedrock",
    "guardrailintervened": "Bedrock",
    "refusal": "Anthropic",
    "pauseturn": "Anthropic",
    "safety": "Gemini",
    "recitation": "Gemini",
    "language": "Gemini",
    "blocklist": "Gemini",
    "prohibitedcontent": "Gemini",
    "spii": "Gemini",
    "malformedfunctioncall": "Gemini",
    "malformedmodeloutput": "Bedrock",
    "malformedtooluse": "Bedrock",
    "unexpectedtoolcall": "Gemini",
    "other": "Gemini, AI SDK",
    "unknown": "AI SDK",
}


def meaning(finish_reason: str | None) -> Meaning:
    """Return what a finish reason says: the output "ended" by itself, was "cut", or the word is "unknown".

    None, and a word without a letter, say that nothing was said: then the output counts as ended. The name of an
    enumeration may stand before the word, as in `FinishReason.STOP`.
    """
    said = word(finish_reason)
    return "ended" if not said or said in ENDED else "cut" if said in CUT else "unknown"


def word(finish_reason: str | None) -> str:
    """Return a finish reason as it stands in the tables: its letters and digits, in lower case."""
    return "".join(filter(str.isalnum, str(finish_reason or "").rpartition(".")[2].lower()))
