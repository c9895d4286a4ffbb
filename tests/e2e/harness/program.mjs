// Programs that run beside a test, and end with it.

import { spawn } from "node:child_process";
import { until } from "./wait.mjs";

const running = new Set();
process.on("exit", () => running.forEach((program) => program.child.kill("SIGKILL")));

/** A started program; `output` is all that it printed so far, without colours. */
export class Program {
  constructor(command, args, options) {
    this.output = "";
    this.ended = null;
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
    running.add(this);
    const keep = (chunk) => { this.output += chunk.toString().replace(/\x1b\[[0-9;]*m/g, ""); };
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
    this.over = new Promise((resolve) => {
      this.child.on("error", (error) => { this.output += `${error}\n`; this.ended ??= { code: null, signal: null }; resolve(this.ended); });
      this.child.on("close", (code, signal) => { this.ended = { code, signal }; running.delete(this); resolve(this.ended); });
    });
  }

  /** Waits for a line; resolves with its match. */
  async says(pattern, within = 20_000) {
    return until(`${pattern} in the output of ${this.child.spawnfile}`, () => {
      const match = this.output.match(pattern);
      if (!match && this.ended) {
        const how = `${this.child.spawnfile} ended: ${JSON.stringify(this.ended)}\n${this.output}`;
        throw Object.assign(new Error(how), { final: true });
      }
      return match;
    }, within);
  }

  /** Ends it by a signal and waits for the end. */
  async end(signal = "SIGTERM") {
    if (!this.ended) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    const ended = await this.over;
    clearTimeout(late);
    return ended;
  }
}
