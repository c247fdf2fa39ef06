// The clients of npm: each asks for one stream, and returns what it has made of it.
//
// `at(answer, key)` says where the answer comes from; `answer.model` and `answer.names`, the tools, are what is asked for.
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, streamText, tool } from "ai";
import OpenAI from "openai";

globalThis.AI_SDK_LOG_WARNINGS = false;
const parsed = (text) => JSON.parse(text);
const joined = (parts) => parts.join("");
const schema = { type: "object", additionalProperties: true };
const USER = [{ role: "user", content: "x" }];
const named = (answer, make) => answer.names.map((name) => make(name));
const functions = (name) => ({ type: "function", function: { name, parameters: schema } });

const openaiChat = (at) => async (answer) => {
  const client = new OpenAI({ apiKey: "x", maxRetries: 0, ...at(answer, "chat") });
  const asked = { model: answer.model, messages: USER, tools: named(answer, functions) };
  const { message, finish_reason } = (await client.chat.completions.stream(asked).finalChatCompletion()).choices[0];
  const calls = (message.tool_calls ?? []).map((call) => [call.function.name, parsed(call.function.arguments)]);
  return { calls, text: message.content ?? "", reasoning: message.reasoning_content ?? "", cut: finish_reason == "length" };
};

const openaiResponses = (at) => async (answer) => {
  const client = new OpenAI({ apiKey: "x", maxRetries: 0, ...at(answer, "responses") });
  const tools = named(answer, (name) => ({ type: "function", name, parameters: schema, strict: false }));
  const final = await client.responses.stream({ model: answer.model, input: "x", tools }).finalResponse();
  const of = (type) => final.output.filter((item) => item.type == type);
  return {
    calls: of("function_call")
      .filter((item) => item.status == "completed")
      .map((item) => [item.name, parsed(item.arguments)]),
    text: joined(of("message").flatMap((item) => item.content.map((part) => part.text))),
    reasoning: joined(of("reasoning").flatMap((item) => item.content.map((part) => part.text))),
    cut: final.status == "incomplete",
  };
};

const anthropic = (at) => async (answer) => {
  const client = new Anthropic({ apiKey: "x", maxRetries: 0, ...at(answer, "messages") });
  const tools = named(answer, (name) => ({ name, input_schema: schema }));
  const final = await client.messages.stream({ model: answer.model, max_tokens: 9, messages: USER, tools }).finalMessage();
  const of = (type) => final.content.filter((block) => block.type == type);
  return {
    calls: of("tool_use").map((block) => [block.name, block.input]),
    text: joined(of("text").map((block) => block.text)),
    reasoning: joined(of("thinking").map((block) => block.thinking)),
    cut: final.stop_reason == "max_tokens",
  };
};

const ai = (make) => async (answer) => {
  const inputSchema = jsonSchema(schema);
  const tools = Object.fromEntries(answer.names.map((name) => [name, tool({ inputSchema })]));
  const result = streamText({ model: make(answer), prompt: "x", tools, maxRetries: 0, onError: () => {} });
  for await (const part of result.fullStream) if (part.type == "error") throw part.error;
  const calls = (await result.toolCalls).filter((call) => !call.invalid).map((call) => [call.toolName, call.input]);
  const cut = (await result.finishReason) == "length";
  return { calls, text: await result.text, reasoning: (await result.reasoningText) ?? "", cut };
};

export const clients = (at) => {
  const key = { apiKey: "x" };
  const openai = (answer, body) => createOpenAI({ ...key, ...at(answer, body) });
  const compatible = (answer) => createOpenAICompatible({ name: "x", ...key, ...at(answer, "chat") });
  return {
    "openai chat": openaiChat(at),
    "openai responses": openaiResponses(at),
    "@anthropic-ai/sdk": anthropic(at),
    "@ai-sdk/openai-compatible": ai((answer) => compatible(answer)(answer.model)),
    "@ai-sdk/openai chat": ai((answer) => openai(answer, "chat").chat(answer.model)),
    "@ai-sdk/openai responses": ai((answer) => openai(answer, "summary").responses(answer.model)),
    "@ai-sdk/anthropic": ai((answer) => createAnthropic({ ...key, ...at(answer, "messages-v1") })(answer.model)),
  };
};
