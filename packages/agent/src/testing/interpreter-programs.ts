/**
 * One program in each language: connects to 127.0.0.1 at the port in RW_PORT and says how it went. Nothing of it
 * depends on arguments, so that every form of command line can run it.
 */
export const PROGRAMS = {
  python: `import os, socket
try:
    socket.create_connection(("127.0.0.1", int(os.environ["RW_PORT"])), 8).close()
    print("connected", flush=True)
except OSError:
    print("refused", flush=True)
`,
  node: `require("node:net").connect(Number(process.env.RW_PORT), "127.0.0.1")
  .on("connect", function () { console.log("connected"); this.destroy(); process.exitCode = 0; })
  .on("error", () => console.log("refused"));
`,
  bash: `if (exec 3<>"/dev/tcp/127.0.0.1/$RW_PORT") 2>/dev/null; then echo connected; else echo refused; fi
`,
  // A POSIX shell can't connect by itself; it stays until it was looked at.
  sh: `sleep 1
`,
  perl: `use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ENV{RW_PORT}, Timeout => 8);
print $s ? "connected\\n" : "refused\\n";
`,
  ruby: `require "socket"
begin
  Socket.tcp("127.0.0.1", ENV["RW_PORT"].to_i, connect_timeout: 8) { puts "connected" }
rescue SystemCallError
  puts "refused"
end
`,
  php: `<?php
$s = @fsockopen("127.0.0.1", (int) getenv("RW_PORT"), $e, $m, 8);
echo $s ? "connected\\n" : "refused\\n";
`,
  java: `public class App {
  public static void main(String[] a) throws Exception {
    try (var s = new java.net.Socket("127.0.0.1", Integer.parseInt(System.getenv("RW_PORT")))) {
      System.out.println("connected");
    } catch (java.io.IOException e) {
      System.out.println("refused");
    }
  }
}
`,
  tcl: `if {[catch {socket 127.0.0.1 $env(RW_PORT)}]} {puts refused} else {puts connected}
`,
} as const;

export type Language = keyof typeof PROGRAMS;
/** How a comment of each language begins: what makes the same program another one. */
export const COMMENT: Readonly<Record<Language, string>> = {
  python: "#",
  node: "//",
  bash: "#",
  sh: "#",
  perl: "#",
  ruby: "#",
  php: "//",
  java: "//",
  tcl: "#",
};
