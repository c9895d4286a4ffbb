// Runs the official codecs over every case below and records what they make of it:
//
//     cd tests/peers && node make-codec-vectors.mjs > ../fixtures/codec-vectors.json
//
// Marks for what JSON cannot say: {"$bin": "<hex>"}, {"$num": "-0"}, {"$undefined": true}.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { decodeCases, encodeCases, packetCases, payloadCases } from "./codec-cases.mjs";

const require = createRequire(import.meta.url);
const { Decoder, Encoder } = require("socket.io-parser");
const { decodePacket, decodePayload } = require("engine.io-parser");

const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

function marked(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $num: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (value instanceof ArrayBuffer) return { $bin: Buffer.from(value).toString("hex") };
  if (ArrayBuffer.isView(value)) {
    return { $bin: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  }
  if (Array.isArray(value)) return value.map(marked);
  if (value !== null && typeof value === "object") {
    const out = Object.create(null);
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined) out[key] = marked(value[key]);
    }
    return out;
  }
  return value;
}

function packetOf({ type, nsp, id, data }) {
  const out = { type, nsp };
  if (id !== undefined) out.id = marked(id);
  if (data !== undefined) out.data = marked(data);
  return out;
}

const frameOf = (frame) => (typeof frame === "string" ? { text: frame } : { hex: marked(frame).$bin });

function decode([name, ...feed]) {
  const decoder = new Decoder();
  const out = { name, feed: feed.map(frameOf), packets: [] };
  decoder.on("decoded", (packet) => out.packets.push(packetOf(packet)));
  try {
    for (const frame of feed) decoder.add(frame);
  } catch (error) {
    out.error = error.message;
  }
  if (decoder.reconstructor) out.pending = true;
  return out;
}

function encode([name, packet, given = packet]) {
  const out = { name };
  if (given) out.in = packetOf(given);
  try {
    out.out = new Encoder().encode(packet).map(frameOf);
  } catch (error) {
    delete out.in;
    out.error = error.message;
  }
  return out;
}

const engineOf = ({ type, data }) => (data === undefined ? { type } : { type, data: marked(data) });

const sections = {
  generated_with: {
    "socket.io-parser": versionOf("socket.io-parser"),
    "engine.io-parser": versionOf("engine.io-parser"),
    node: process.version,
  },
  sio_decode: decodeCases.map(decode),
  sio_encode: encodeCases.map(encode),
  eio_packet: packetCases.map(([name, input]) => ({
    name,
    in: frameOf(input),
    packet: engineOf(decodePacket(input)),
  })),
  eio_payload: payloadCases.map((body) => ({ in: body, packets: decodePayload(body).map(engineOf) })),
};

// One case a line, so that a change shows in a diff.
const lines = (section) =>
  Array.isArray(section) ? `[\n${section.map((one) => JSON.stringify(one)).join(",\n")}\n]` : JSON.stringify(section);
const members = Object.entries(sections).map(([name, section]) => `${JSON.stringify(name)}: ${lines(section)}`);
console.log(`{\n${members.join(",\n")}\n}`);
