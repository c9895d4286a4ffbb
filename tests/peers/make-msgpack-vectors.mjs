// Runs the official msgpack parser on the cases below and prints the results:
//
//     cd tests/peers && node make-msgpack-vectors.mjs > ../fixtures/msgpack-vectors.json

import { createRequire } from "node:module";
import { marked, packetOf, print, versionOf } from "./marked.mjs";

const require = createRequire(import.meta.url);
const { Decoder, Encoder } = require("socket.io-msgpack-parser");
const notepack = require("notepack.io");

const sizes = [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536];
const integers = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000, Number.MAX_SAFE_INTEGER];
const negatives = [-1, -0x20, -0x21, -0x80, -0x81, -0x8000, -0x8001, -0x80000000, -0x80000001, Number.MIN_SAFE_INTEGER];

const encodeCases = [
  ["connect", { type: 0, nsp: "/" }],
  ["connect with auth", { type: 0, nsp: "/admin", data: { token: "a", n: 1 } }],
  ["disconnect", { type: 1, nsp: "/" }],
  ["event", { type: 2, nsp: "/", data: ["a", 1, "2", { 3: ["4"] }] }],
  ["event with id 0", { type: 2, nsp: "/n", id: 0, data: ["a"] }],
  ["event with a large id", { type: 2, nsp: "/", id: Number.MAX_SAFE_INTEGER, data: ["a"] }],
  ["numeric name", { type: 2, nsp: "/", data: [7, "a"] }],
  ["ack", { type: 3, nsp: "/", id: 456, data: [] }],
  ["connect error", { type: 4, nsp: "/", data: { message: "no", data: { code: 1 } } }],
  ["connect error, text", { type: 4, nsp: "/", data: "no" }],
  ["words", { type: 2, nsp: "/", data: ["a", null, true, false] }],
  ["integers", { type: 2, nsp: "/", data: ["a", ...integers, ...negatives] }],
  ["large integers", { type: 2, nsp: "/", data: ["a", 2 ** 62, -(2 ** 62), 2 ** 63, -(2 ** 63)] }],
  ["integers beyond 64 bits", { type: 2, nsp: "/", data: ["a", 2 ** 64, 1e300] }],
  ["floats", { type: 2, nsp: "/", data: ["a", 0.1, -1.5, 1e-300, 5e-324, NaN, Infinity, -Infinity, -0] }],
  ["text", { type: 2, nsp: "/日本", data: ["é😀", "\u0000\n\u2028"] }],
  ["binary in auth", { type: 0, nsp: "/", data: { key: Buffer.from([1]) } }],
  ["binary", { type: 2, nsp: "/", data: ["a", { b: [Buffer.from([1, 2]), Buffer.alloc(0)] }] }],
  ["looks like a placeholder", { type: 2, nsp: "/", data: ["a", { _placeholder: true, num: 0 }, Buffer.from([1])] }],
  ...sizes.filter((n) => n < 300).flatMap((n) => [
    [`text of ${n}`, { type: 2, nsp: "/", data: ["a", "x".repeat(n)] }],
    [`binary of ${n}`, { type: 2, nsp: "/", data: ["a", Buffer.alloc(n, 7)] }],
    [`array of ${n}`, { type: 2, nsp: "/", data: ["a", Array(n).fill(1)] }],
    [`object of ${n}`, { type: 2, nsp: "/", data: ["a", Object.fromEntries([...Array(n).keys()].map((k) => [`k${k}`, k]))] }],
  ]),
];

const packet = (rest) => notepack.encode({ type: 2, nsp: "/", data: ["a"], ...rest });
const head = packet({ data: [] }).subarray(0, -1);
const argument = (...bytes) => Buffer.concat([head, Buffer.from([0x92, 0xa1, 0x61, ...bytes])]);

const decodeCases = [
  ...encodeCases
    .filter(([name]) => name !== "integers beyond 64 bits")
    .map(([name, value]) => [name, notepack.encode(value)]),
  ["as the client sends it", notepack.encode({ type: 2, data: ["a"], options: { compress: true }, id: 3, nsp: "/" })],
  ["connect as the client sends it", notepack.encode({ type: 0, data: undefined, nsp: "/" })],
  ["undefined", packet({ data: ["a", undefined, { b: undefined, c: 1 }] })],
  ["undefined id", packet({ id: undefined })],
  ["date", packet({ data: ["a", new Date(0), new Date(1700000000123), new Date(-1)] })],
  ["typed array", packet({ data: ["a", new Uint8Array([1, 2, 3]), new Uint8Array(300).buffer] })],
  ["typed array of one byte", packet({ data: ["a", new Uint8Array([9])] })],
  ["toJSON", packet({ data: ["a", { toJSON: () => ({ b: 1 }) }] })],
  ["float 32", argument(0xca, 0x3f, 0x80, 0, 0)],
  ["float 32, a fraction", argument(0xca, 0x3d, 0xcc, 0xcc, 0xcd)],
  ["foreign extension of 1", argument(0xd4, 5, 1)],
  ["foreign extension of 2", argument(0xd5, 5, 1, 2)],
  ["foreign extension of 4", argument(0xd6, 0xff, 1, 2, 3, 4)],
  ["foreign extension of 8", argument(0xd7, 5, 1, 2, 3, 4, 5, 6, 7, 8)],
  ["foreign extension of 16", argument(0xd8, 5, ...Array(16).fill(1))],
  ["foreign extension of 3", argument(0xc7, 3, 5, 1, 2, 3)],
  ["extension 0 of 2", argument(0xd5, 0, 1, 2)],
  ["extension 0 of 3", argument(0xc7, 3, 0, 1, 2, 3)],
  ["uint 8 that needs no byte", argument(0xcc, 1)],
  ["int 64", argument(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ["uint 64", argument(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ["str 8 that needs no byte", argument(0xd9, 1, 0x62)],
  ["array 32", argument(0xdd, 0, 0, 0, 1, 0x01)],
  ["map 32", argument(0xdf, 0, 0, 0, 1, 0xa1, 0x62, 0x01)],
  ["broken UTF-8", argument(0xa2, 0xc3, 0x28)],
  ["repeated key", argument(0x82, 0xa1, 0x62, 1, 0xa1, 0x62, 2)],
  ["number as key", argument(0x81, 0x07, 0x01)],
  ["null as key", argument(0x81, 0xc0, 0x01)],
  ["unknown prefix", argument(0xc1)],
  ["bytes behind", Buffer.concat([packet({}), Buffer.from([0])])],
  ["cut short", packet({}).subarray(0, -1)],
  ["empty", Buffer.alloc(0)],
  ["not a map", notepack.encode([1])],
  ["text", notepack.encode("2")],
  ["number", notepack.encode(2)],
  ["null", notepack.encode(null)],
  ["empty map", notepack.encode({})],
  ["type 5", packet({ type: 5 })],
  ["type -1", packet({ type: -1 })],
  ["type 2.5", packet({ type: 2.5 })],
  ["type as text", packet({ type: "2" })],
  ["no type", notepack.encode({ nsp: "/", data: ["a"] })],
  ["no namespace", notepack.encode({ type: 2, data: ["a"] })],
  ["namespace as number", packet({ nsp: 1 })],
  ["empty namespace", packet({ nsp: "" })],
  ["namespace without slash", packet({ nsp: "admin" })],
  ["event with an object", packet({ data: {} })],
  ["event without data", notepack.encode({ type: 2, nsp: "/" })],
  ["event without name", packet({ data: [] })],
  ["event with an odd name", packet({ data: [{}] })],
  ["event with a reserved name", packet({ data: ["disconnect"] })],
  ["ack with an object", packet({ type: 3, id: 1, data: {} })],
  ["ack without id", packet({ type: 3 })],
  ["connect with an array", packet({ type: 0, data: [] })],
  ["connect with null", packet({ type: 0, data: null })],
  ["disconnect with data", packet({ type: 1, data: {} })],
  ["connect error without data", notepack.encode({ type: 4, nsp: "/" })],
  ["connect error with a number", packet({ type: 4, data: 1 })],
  ["id as text", packet({ id: "1" })],
  ["id with a fraction", packet({ id: 1.5 })],
  ["negative id", packet({ id: -1 })],
  ["id null", packet({ id: null })],
];

function decode([name, frame]) {
  const decoder = new Decoder();
  const out = { name, in: frame.toString("hex") };
  decoder.on("decoded", (read) => (out.packet = packetOf(read)));
  try {
    decoder.add(frame);
  } catch (error) {
    out.error = error.message;
  }
  return out;
}

print({
  generated_with: {
    "socket.io-msgpack-parser": versionOf("socket.io-msgpack-parser"),
    "notepack.io": versionOf("notepack.io"),
    node: process.version,
  },
  msgpack_decode: decodeCases.map(decode),
  msgpack_encode: encodeCases.map(([name, value]) => ({
    name,
    in: marked(value, true),
    out: new Encoder().encode(value)[0].toString("hex"),
  })),
});
