import type { InterpreterTable } from "./table.ts";

/** POSIX shells, bash, zsh; `-c` takes the first argument that is no option, `-s` reads standard input. */
export const shell: InterpreterTable = {
  name: "shell",
  fileName: /^(?:ba|da|k|z|a|ya|po|rba|rk)?sh(?:\d.*|-static)?$|^static-sh$/,
  short: { c: "inline", s: "stdin", i: "injectSwitch", o: "value", O: "value" },
  long: { "--rcfile": "inject", "--init-file": "inject", "--emulate": "value" },
  clustered: true,
  attachedOnly: "",
  plusOptions: true,
  injectVariable: "BASH_ENV",
  withoutArguments: "stdin",
  variants: ["%"],
  searchesPath: true,
};

/** mksh(1): `-T NAME` attaches to a terminal. */
export const mksh: InterpreterTable = {
  ...shell,
  fileName: /^(?:mk|lk)sh(?:-static)?$/,
  short: { ...shell.short, T: "value" },
};
