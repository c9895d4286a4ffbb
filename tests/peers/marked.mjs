// Marks for values that JSON cannot represent: {"$bin": "<hex>"}, {"$num": "-0"}, {"$undefined": true}.

import { readFileSync } from "node:fs";

// With `exact`, integers beyond the safe range become {"$num": "…"} too.
export function marked(value, exact = false) {
  if (exact && Number.isInteger(value) && !Number.isSafeInteger(value)) return { $num: String(value) };
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $num: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (value instanceof ArrayBuffer) return { $bin: Buffer.from(value).toString("hex") };
  if (ArrayBuffer.isView(value)) {
    return { $bin: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  }
  if (Array.isArray(value)) return value.map((item) => marked(item, exact));
  if (value instanceof Date) return value.toJSON();
  if (value !== null && typeof value === "object") {
    const out = Object.create(null);
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined) out[key] = marked(value[key], exact);
    }
    return out;
  }
  return value;
}

export function packetOf({ type, nsp, id, data }) {
  const out = { type, nsp };
  if (id !== undefined) out.id = marked(id);
  if (data !== undefined) out.data = marked(data);
  return out;
}

export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

/** Prints sections of cases as JSON, one case per line, so that diffs are readable. */
export function print(sections) {
  const lines = (section) =>
    Array.isArray(section) ? `[\n${section.map((one) => JSON.stringify(one)).join(",\n")}\n]` : JSON.stringify(section);
  const members = Object.entries(sections).map(([name, section]) => `${JSON.stringify(name)}: ${lines(section)}`);
  console.log(`{\n${members.join(",\n")}\n}`);
}
