// Reads the answers of answers.json with each client, and prints what differs from what was decoded, a line each.
import assert from "assert";
import fs from "fs";
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, streamText, tool } from "ai";
import OpenAI from "openai";

globalThis.AI_SDK_LOG_WARNINGS = false;
const answering = (body) => async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
const parsed = (text) => JSON.parse(text);
const joined = (parts) => parts.join("");

async function openaiChat(answer) {
  const client = new OpenAI({ apiKey: "x", fetch: answering(answer.chat) });
  const { message, finish_reason } = (
    await client.chat.completions.stream({ model: "m", messages: [] }).finalChatCompletion()
  ).choices[0];
  const calls = (message.tool_calls ?? []).map((call) => [call.function.name, parsed(call.function.arguments)]);
  return { calls, text: message.content ?? "", reasoning: message.reasoning_content ?? "", cut: finish_reason == "length" };
}

async function openaiResponses(answer) {
  const client = new OpenAI({ apiKey: "x", fetch: answering(answer.responses) });
  const final = await client.responses.stream({ model: "m", input: "x" }).finalResponse();
  const of = (type) => final.output.filter((item) => item.type == type);
  return {
    calls: of("function_call")
      .filter((item) => item.status == "completed")
      .map((item) => [item.name, parsed(item.arguments)]),
    text: joined(of("message").flatMap((item) => item.content.map((part) => part.text))),
    reasoning: joined(of("reasoning").flatMap((item) => item.content.map((part) => part.text))),
    cut: final.status == "incomplete",
  };
}

async function anthropic(answer) {
  const client = new Anthropic({ apiKey: "x", fetch: answering(answer.messages) });
  const final = await client.messages.stream({ model: "m", max_tokens: 9, messages: [] }).finalMessage();
  const of = (type) => final.content.filter((block) => block.type == type);
  return {
    calls: of("tool_use").map((block) => [block.name, block.input]),
    text: joined(of("text").map((block) => block.text)),
    reasoning: joined(of("thinking").map((block) => block.thinking)),
    cut: final.stop_reason == "max_tokens",
  };
}

const ai = (make) => async (answer) => {
  const inputSchema = jsonSchema({ type: "object", additionalProperties: true });
  const tools = Object.fromEntries(answer.names.map((name) => [name, tool({ inputSchema })]));
  const result = streamText({ model: make(answer), prompt: "x", tools, onError: () => {} });
  for await (const part of result.fullStream) if (part.type == "error") throw part.error;
  const calls = (await result.toolCalls).filter((call) => !call.invalid).map((call) => [call.toolName, call.input]);
  const cut = (await result.finishReason) == "length";
  return { calls, text: await result.text, reasoning: (await result.reasoningText) ?? "", cut };
};

const options = (answer, key) => ({ apiKey: "x", baseURL: "http://test.local", fetch: answering(answer[key]) });
const clients = {
  "openai chat": openaiChat,
  "openai responses": openaiResponses,
  "@anthropic-ai/sdk": anthropic,
  "@ai-sdk/openai-compatible": ai((answer) => createOpenAICompatible({ name: "x", ...options(answer, "chat") })("m")),
  "@ai-sdk/openai chat": ai((answer) => createOpenAI(options(answer, "chat")).chat("m")),
  "@ai-sdk/openai responses": ai((answer) => createOpenAI(options(answer, "summary")).responses("m")),
  "@ai-sdk/anthropic": ai((answer) => createAnthropic(options(answer, "messages"))("m")),
};

const tally = {};
for (const answer of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
  for (const [who, read] of Object.entries(clients)) {
    const count = (tally[who] ??= { right: 0, raised: 0, wrong: 0 });
    try {
      const got = await read(answer);
      // Chat Completions has no reasoning: one client keeps the last delta of what it does not know, another nothing.
      if (who.endsWith("openai chat") && answer.reasoning.endsWith(got.reasoning)) got.reasoning = answer.reasoning;
      const { calls, text, reasoning, cut } = answer;
      assert.deepStrictEqual(got, { calls, text, reasoning, cut });
      count.right += 1;
    } catch (error) {
      if (answer.cut && !(error instanceof assert.AssertionError)) {
        count.raised += 1;
        continue;
      }
      count.wrong += 1;
      console.log(JSON.stringify({ id: answer.id, step: answer.step, who, error: String(error.message).slice(0, 600) }));
    }
  }
}
console.log(JSON.stringify({ tally }));
