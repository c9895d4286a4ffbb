// Runs the official codecs on every case of codec-cases.mjs and prints the results:
//
//     cd tests/peers && node make-codec-vectors.mjs > ../fixtures/codec-vectors.json

import { createRequire } from "node:module";
import { decodeCases, encodeCases, packetCases, payloadCases } from "./codec-cases.mjs";
import { marked, packetOf, print, versionOf } from "./marked.mjs";

const require = createRequire(import.meta.url);
const { Decoder, Encoder } = require("socket.io-parser");
const { decodePacket, decodePayload } = require("engine.io-parser");

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

print({
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
});
