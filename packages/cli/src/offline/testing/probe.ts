// Real sockets for tests, one process in each host's namespace.
//   node probe.ts serve PORT…     answers on TCP and UDP, both families; prints `ready`
//   node probe.ts ask JSON        tries each of a list of `Question`; prints a list of `Answer`
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

export type Question = { readonly proto: "tcp" | "udp"; readonly address: string; readonly port: number };
/** `answered`, or the code that the kernel gave the program, or `silent`. */
export type Answer = string;

/** Long enough for a busy machine: both an answer and a refusal are events that end the wait. */
const SILENT_AFTER_MS = 10_000;

async function serve(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end("hello");
    });
    await once(server.listen(port, "::"), "listening");
    for (const type of ["udp4", "udp6"] as const) {
      const socket = createSocket({ type, ipv6Only: type === "udp6" });
      socket.on("message", (_, from) => socket.send("hello", from.port, from.address));
      socket.on("error", () => undefined);
      socket.bind(port);
      await once(socket, "listening");
    }
  }
  console.log("ready");
}

function askTcp({ address, port }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = (answer: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, SILENT_AFTER_MS, "silent");
    // Only what the other side's program said is an answer: a connection alone could be the kernel's.
    socket.once("data", () => end("answered"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function askUdp({ address, port }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const end = (answer: Answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(end, SILENT_AFTER_MS, "silent");
    socket.once("message", () => end("answered"));
    // A second error may come for the same packet, after the first has ended the question.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (timer.hasRef()) end(error.code ?? error.message);
      timer.unref();
    });
    // A connected socket is told of ICMP errors.
    socket.connect(port, address, () => {
      socket.send("hello", (error) => {
        if (error !== null) socket.emit("error", error);
      });
    });
  });
}

const [command, ...rest] = process.argv.slice(2);
if (command === "serve") await serve(rest.map(Number));
if (command === "ask") {
  // The test that starts this writes what it means.
  const questions: readonly Question[] = JSON.parse(rest[0] ?? "[]");
  // All at once: a connection that is refused on its way out is told so with its second packet only, a second later.
  const answers = await Promise.all(
    questions.map((one) => (one.proto === "tcp" ? askTcp(one) : askUdp(one))),
  );
  console.log(JSON.stringify(answers));
}
