// TCP proxy that can cut, stall and delay connections. The offline mode of the browser does not affect open sockets.

import net from "node:net";

export class TcpProxy {
  /** Starts a proxy to a port of this machine. */
  static async to(t, port) {
    const proxy = new TcpProxy(port);
    await new Promise((resolve) => proxy.listener.listen(0, "127.0.0.1", resolve));
    proxy.port = proxy.listener.address().port;
    t.after(() => proxy.close());
    return proxy;
  }

  constructor(target) {
    this.target = target;
    this.delay = 0;
    this.connections = 0;
    this.pairs = new Set();
    this.isCut = false;
    this.isStalled = false;
    this.listener = net.createServer((near) => this.#accept(near));
  }

  get url() { return `http://127.0.0.1:${this.port}`; }

  /** Resets all connections, and refuses new ones until `restore`. */
  cut() {
    this.isCut = true;
    this.#destroyAll();
  }

  /** Forwards nothing in either direction, while connections stay open. */
  stall() {
    this.isStalled = true;
    for (const { near, far } of this.pairs) { near.pause(); far.pause(); }
  }

  /** Forwards again. */
  restore() {
    this.isCut = false;
    this.isStalled = false;
    for (const { near, far } of this.pairs) { near.resume(); far.resume(); }
  }

  close() {
    this.#destroyAll();
    return new Promise((resolve) => this.listener.close(resolve));
  }

  #destroyAll() {
    for (const { near, far } of this.pairs) { near.resetAndDestroy(); far.resetAndDestroy(); }
  }

  #accept(near) {
    if (this.isCut) return near.resetAndDestroy();
    this.connections += 1;
    const far = net.connect(this.target, "127.0.0.1");
    const pair = { near, far };
    this.pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on("data", (chunk) => {
        if (this.delay) setTimeout(() => to.write(chunk), this.delay);
        else to.write(chunk);
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => { this.pairs.delete(pair); to.destroy(); });
      if (this.isStalled) from.pause();
    }
  }
}
