// The server under test, on a free port.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Program } from "./program.mjs";

const root = resolve(import.meta.dirname, "../../..");

/** Path of the server; `cargo xtask test` builds it and sets the variable. */
export const program = process.env.PESAN_SERVER ?? join(root, "target/release/pesan-server");

/** Folder of the built page. */
export const dist = process.env.PESAN_DIST ?? join(root, "dist");

const LISTENS = /listening on https?:\/\/[\d.]+:(\d+)/;

/** Server with its own data folder, which is kept when the server is killed and started again. */
export class Server {
  constructor(data, { args = [], env = {}, host = "127.0.0.1" }) {
    this.host = host;
    this.data = data;
    this.args = args;
    this.env = env;
    this.port = 0;
  }

  get url() { return `http://127.0.0.1:${this.port}`; }
  get output() { return this.run?.output ?? ""; }

  /** Starts the server; after the first time on the same port. */
  async start() {
    const args = ["--listen", `${this.host}:${this.port}`, "--assets", dist, "--data", this.data, ...this.args];
    this.run = new Program(program, args, { env: { ...process.env, RUST_BACKTRACE: "1", ...this.env } });
    this.port = Number((await this.run.waitForOutput(LISTENS))[1]);
    return this;
  }

  /** Runs a command of the operator; returns its output. */
  async admin(...args) {
    const socket = ["admin", "--admin-socket", join(this.data, "admin.sock")];
    const { stdout } = await promisify(execFile)(program, [...socket, ...args]);
    return stdout;
  }

  /** Kills the server without a graceful shutdown, like a crash. */
  async kill() { await this.run.end("SIGKILL"); }

  /** Stops the server gracefully. */
  async stop() { return this.run.end("SIGTERM"); }
}

/** Starts a server for one test, or for all tests of a file when called in `before`. */
export async function startServer(t, options = {}) {
  const data = await mkdtemp(join(tmpdir(), "pesan-data-"));
  const server = new Server(data, options);
  t.after(async () => {
    if (server.run) await server.stop();
    await rm(data, { recursive: true, force: true });
  });
  return server.start();
}
