// Child processes of a test, killed when the tests end.

import { spawn } from "node:child_process";
import { until } from "./wait.mjs";

const running = new Set();
process.on("exit", () => running.forEach((program) => program.child.kill("SIGKILL")));

/** A started program; `output` is everything it has printed, without colour codes. */
export class Program {
  constructor(command, args, options) {
    this.output = "";
    this.ended = null;
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
    running.add(this);
    const append = (chunk) => { this.output += chunk.toString().replace(/\x1b\[[0-9;]*m/g, ""); };
    this.child.stdout.on("data", append);
    this.child.stderr.on("data", append);
    this.over = new Promise((resolve) => {
      this.child.on("error", (error) => { this.output += `${error}\n`; this.ended ??= { code: null, signal: null }; resolve(this.ended); });
      this.child.on("close", (code, signal) => { this.ended = { code, signal }; running.delete(this); resolve(this.ended); });
    });
  }

  /** Waits until the output matches a pattern; returns the match. */
  async waitForOutput(pattern, within = 20_000) {
    return until(`${pattern} in the output of ${this.child.spawnfile}`, () => {
      const match = this.output.match(pattern);
      if (!match && this.ended) {
        const how = `${this.child.spawnfile} ended: ${JSON.stringify(this.ended)}\n${this.output}`;
        throw Object.assign(new Error(how), { final: true });
      }
      return match;
    }, within);
  }

  /** Sends a signal and waits until the program has exited. */
  async end(signal = "SIGTERM") {
    if (!this.ended) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    const ended = await this.over;
    clearTimeout(late);
    return ended;
  }
}
