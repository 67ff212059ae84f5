import type { Canary, Need, Open, PythonForm } from "./canary.ts";

type Extra = {
  readonly needs?: readonly Need[];
  readonly open?: Open | null;
  readonly proto?: "tcp" | "udp";
};

const udp = { proto: "udp" } as const;
const root = { needs: ["root"] } as const;

/** An attempt by `ringwall-canary`, refused at its sender. */
function program(attempt: string, tries: string, extra: Extra & { readonly as?: "nobody" } = {}): Canary {
  const { needs = [], open = null, proto = "tcp", as } = extra;
  const run = { program: "canary", attempt, unprivileged: as === "nobody" } as const;
  return { id: attempt, tries, end: "sender", proto, needs, open, run };
}

function script(how: PythonForm, tries: string, { needs = [] }: Pick<Extra, "needs"> = {}): Canary {
  const run = { program: "python", how } as const;
  return {
    id: `script-${how}`,
    tries,
    end: "sender",
    proto: "tcp",
    needs: ["python3", ...needs],
    open: null,
    run,
  };
}

const control: Canary = {
  id: "control",
  tries: "control: the allowed program itself",
  end: "sender",
  proto: "tcp",
  needs: [],
  open: null,
  run: { program: "decoy" },
};

/** What has to get through: without it no refusal says anything. */
export const controls: readonly Canary[] = [control, script("decoy", "control: the allowed script itself")];

/** The same for the receiver's end. */
export const receiverControls: readonly Canary[] = [atReceiver(control, null)];

const BY_ADDRESS: Open = {
  closedBy: ["proof"],
  needs: "a program on a host that may connect",
  why: "without proofs between the two hosts a receiver knows a sender by its address",
};
const REACHED: Open = {
  closedBy: ["guard-memory"],
  needs: "CAP_SYS_PTRACE, or the program's own user where ptrace_scope is 0",
  why: "without LSM nothing judges who reaches into another process; a connection is judged when it begins",
};
const NO_PROOF: Open = {
  closedBy: ["datagram-proof"],
  needs: "a program on a host that may send, out of reach of that host's agent",
  why: "without --prove-datagrams at both ends the sender's judges the program, the receiver's the address",
};

/** An attempt that the sender's end lets pass: the receiver's has to tell the program by its proof. */
function atReceiver(canary: Canary, open: Open | null): Canary {
  return { ...canary, id: `receiver-${canary.id}`, end: "receiver", open };
}

/** What is tried at the receiver's end, from the allowed program's own address. */
export const receiverCanaries: readonly Canary[] = [
  atReceiver(program("tcp", "another program at the allowed one's address"), BY_ADDRESS),
  atReceiver(program("fast-open", "the same by TCP fast open"), BY_ADDRESS),
  atReceiver(program("mptcp", "the same by multipath TCP"), BY_ADDRESS),
  atReceiver(script("other-script", "another script of the allowed interpreter"), BY_ADDRESS),
  atReceiver(program("udp", "a datagram of another program", udp), NO_PROOF),
];

/** The bypass list of the drill, every attempt with a real process. What each needs and who refuses it is data. */
export const canaries: readonly Canary[] = [
  program("tcp", "a program that no rule names"),
  program("fast-open", "TCP fast open by sendto"),
  program("fast-open-option", "TCP fast open by socket option"),
  program("mptcp", "multipath TCP"),
  program("mapped-address", "an IPv4 address in an IPv6 socket"),
  program("after-disconnect", "a second connect() after one that was refused"),
  program("io-uring-connect", "connect by io_uring, in a worker of the kernel"),
  program("udp", "a datagram by an unconnected socket", udp),
  program("udp-connected", "a datagram by a connected socket", udp),
  program("sendmmsg", "many datagrams by sendmmsg", udp),
  program("udp-lite", "UDP-Lite, which no rule can name", udp),
  program("io-uring-send", "a datagram by io_uring", udp),
  program("raw-socket", "a datagram made by hand, raw socket", { ...udp, ...root }),
  program("packet-socket", "a frame made by hand, packet socket", {
    ...udp,
    ...root,
    open: {
      closedBy: ["judge-frames", "refuse-packet-sockets"],
      needs: "CAP_NET_RAW in the host's user namespace",
      why: "packet sockets meet no control group hook; the receiver's end judges what arrives",
    },
  }),
  program("packet-bypass", "the same around the device's queue (PACKET_QDISC_BYPASS)", {
    ...udp,
    ...root,
    open: {
      closedBy: ["guard-bypass", "refuse-packet-sockets"],
      needs: "CAP_NET_RAW in the host's user namespace",
      why: "such frames pass the device's programs by; the receiver's end judges what arrives",
    },
  }),
  program("sctp", "SCTP, whose packets no hook judges"),
  program("fork", "a child made by fork without exec"),
  program("vfork", "a child made by vfork without exec"),
  program("clone", "a child made by clone that shares descriptors"),
  program("short-life", "a new file that runs for less than 5 ms", udp),
  program("exec-chain", "a chain of exec: shell, env, a new file"),
  program("memfd", "a program in memory (memfd, fexecve)"),
  program("deleted-file", "a program whose file is deleted"),
  program("replaced-file", "another file renamed onto the allowed one"),
  program("forged-name", "argv[0] says the allowed program"),
  program("hard-link", "a hard link with the allowed program's name"),
  program("symbolic-link", "a symbolic link with the allowed program's name"),
  program("bind-mount", "another file mounted over the allowed one", root),
  program("chroot", "another file at the allowed path of a root of its own", root),
  program("overlay", "the allowed file, changed below an overlay", root),
  program("other-cgroup", "moved to another control group", root),
  program("network-namespace", "a socket taken to another network namespace", root),
  program("handed-socket", "a socket of the allowed program, handed over before connect()"),
  program("preload", "LD_PRELOAD into the allowed program"),
  program("preload-in-namespace", "ld.so.preload into the allowed program, in a user's own mounts", {
    needs: ["user-namespaces"],
    as: "nobody",
  }),
  program("trace-from-start", "the allowed program started under ptrace by its own user", { as: "nobody" }),
  script("other-script", "another script of the allowed interpreter, its argument names the allowed one"),
  script("inline", "python3 -c"),
  script("stdin", "a script on standard input"),
  script("forge-arguments", "another script that rewrites its arguments in memory"),
  script("module-path", "PYTHONPATH with a module of the same name"),
  script("home", "a module in the home directory's site-packages"),
  script("swap-file", "a script swapped for the allowed one after it was read"),
  script("swap-folder", "its folder swapped for one with the allowed script"),
  script("take-mount-away", "a script mounted over the allowed one, taken away after it was read", {
    needs: ["user-namespaces"],
  }),
  program("preload-in-chroot", "ld.so.preload into the allowed program, by root in a root of its own", {
    ...root,
    open: {
      closedBy: [],
      needs: "CAP_SYS_ADMIN or CAP_SYS_CHROOT in the host's user namespace",
      why: "who may mount or chroot on the host says what every path and library is",
    },
  }),
  program("trace", "ptrace attached to the running allowed program", {
    ...root,
    open: REACHED,
  }),
  program("vm-write", "process_vm_writev into the running allowed program", {
    ...root,
    open: REACHED,
  }),
  program("memory-file", "a write to /proc/PID/mem of the running allowed program", {
    ...root,
    open: REACHED,
  }),
  program("stolen-socket", "a connection taken out of the allowed program (pidfd_getfd)", {
    ...root,
    open: REACHED,
  }),
  program("inherited-socket", "a connection that the allowed program gives away itself", {
    open: {
      closedBy: [],
      needs: "the allowed program's consent",
      why: "a connection is judged when it begins, and not who holds it later",
    },
  }),
];
